import ipaddress

import pytest

from chatbot.outbound.addresses import PrivateHosts, is_public


class TestIsPublic:
    @pytest.mark.parametrize(
        "address",
        ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"],
    )
    def test_holds_for_the_internet(self, address: str) -> None:
        assert is_public(ipaddress.ip_address(address))


class TestPrivateHosts:
    @pytest.mark.parametrize(
        ("entry", "host", "address", "is_allowed"),
        [
            ("wiki.example", "wiki.example", "10.0.0.1", True),
            ("WIKI.example.", "wiki.example", "fd00::1", True),
            ("wiki.example", "other.example", "10.0.0.1", False),
            ("wiki.example", "wiki.example", "169.254.169.254", False),
            ("wiki.example", "wiki.example", "::ffff:169.254.169.254", False),
            ("wiki.example", "wiki.example", "0.0.0.0", False),  # noqa: S104 - nothing is bound
            ("10.1.0.0/16", "any.example", "10.1.2.3", True),
            ("10.1.0.0/16", "any.example", "10.2.2.3", False),
            ("10.1.2.3", "10.1.2.3", "10.1.2.3", True),
            ("fd00::/8", "any.example", "fd00::1", True),
            ("", "any.example", "10.0.0.1", False),
        ],
    )
    def test_allow_what_is_named(
        self, entry: str, host: str, address: str, *, is_allowed: bool
    ) -> None:
        private = PrivateHosts.of([entry])

        assert private.allow(host=host, address=ipaddress.ip_address(address)) is is_allowed

    @pytest.mark.parametrize("entry", ["http://wiki.example", "10.0.0.1/8", "a b", "10.0.0.0/40"])
    def test_are_named_rightly(self, entry: str) -> None:
        with pytest.raises(ValueError, match=r".+"):
            PrivateHosts.of([entry])
