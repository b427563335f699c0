import pytest
from django.core.exceptions import ValidationError

from chatbot.inference.addresses import (
    at_address,
    normalised_base_url,
    validate_base_url,
    validate_discovery,
    validate_scheme,
)


class TestNormalisedBaseUrl:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("http://vllm:8000", "http://vllm:8000/v1"),
            ("http://vllm:8000/", "http://vllm:8000/v1"),
            (" http://vllm:8000/v1/ ", "http://vllm:8000/v1"),
            ("https://host/openai/v1", "https://host/openai/v1"),
        ],
    )
    def test_is_what_connectors_want(self, written: str, meant: str) -> None:
        assert normalised_base_url(written) == meant

    @pytest.mark.parametrize(
        ("protocol", "meant"),
        [
            ("anthropic", "http://host/v1"),
            ("kserve-http", "http://host/v2"),
            ("kserve-grpc", "http://host"),
            ("session", "http://host"),
        ],
    )
    def test_has_the_usual_path_of_its_protocol(self, protocol: str, meant: str) -> None:
        assert normalised_base_url("http://host/", protocol) == meant

    def test_refuses_what_is_no_address(self) -> None:
        with pytest.raises(ValidationError):
            normalised_base_url("http://[::1")


class TestAtAddress:
    @pytest.mark.parametrize(
        ("url", "address", "there"),
        [
            ("http://models:8000/v1", "10.0.0.7", "http://10.0.0.7:8000/v1"),
            ("http://models/v1", "10.0.0.7", "http://10.0.0.7/v1"),
            ("http://models:8000/v1", "fd00::7", "http://[fd00::7]:8000/v1"),
            ("grpc://models:8001", "10.0.0.7", "grpc://10.0.0.7:8001"),
        ],
    )
    def test_leads_to_one_server_of_the_name(self, url: str, address: str, there: str) -> None:
        assert at_address(url, address) == there


class TestValidateBaseUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "http://vllm:8000/v1",
            "http://10.0.0.7/v1",
            "http://localhost:9000/v1",
            "http://[::1]:9000/v1",
            "https://inference.example.com/v1",
            "grpc://triton:8001",
            "grpcs://triton.example.com:443",
        ],
    )
    def test_takes_servers_of_ones_own_network(self, url: str) -> None:
        validate_base_url(url)

    @pytest.mark.parametrize(
        "url",
        [
            "vllm:8000/v1",
            "ftp://host/v1",
            "file:///etc/passwd",
            "http://",
            "http://host:port/v1",
            "http://me:secret@host/v1",
            "http://host/v1?key=secret",
            "http://host/v1#top",
            "http://ho st/v1",
            "http://ho\x00st/v1",
            "http://a..b/v1",
            "http://" + "a" * 64 + ".test/v1",
        ],
    )
    def test_refuses_what_is_no_address(self, url: str) -> None:
        with pytest.raises(ValidationError):
            validate_base_url(url)


class TestValidateScheme:
    @pytest.mark.parametrize(
        ("url", "protocol"),
        [
            ("grpc://triton:8001", "kserve-grpc"),
            ("grpcs://triton:443", "kserve-grpc"),
            ("http://triton:8000/v2", "kserve-http"),
        ],
    )
    def test_takes_what_the_protocol_is_spoken_at(self, url: str, protocol: str) -> None:
        validate_scheme(url, protocol)

    @pytest.mark.parametrize(
        ("url", "protocol"),
        [
            ("http://triton:8001", "kserve-grpc"),
            ("grpc://triton:8001", "kserve-http"),
            ("grpc://triton:8001/v2", "kserve-grpc"),
            ("grpc://triton", "kserve-grpc"),
            ("grpc://triton:abc", "kserve-grpc"),
            ("grpc://triton:99999", "kserve-grpc"),
            ("http://[::1", "openai"),
        ],
    )
    def test_refuses_another_protocols_address(self, url: str, protocol: str) -> None:
        with pytest.raises(ValidationError):
            validate_scheme(url, protocol)


class TestValidateDiscovery:
    @pytest.mark.parametrize("url", ["http://models:8000/v1", "grpc://models:8001"])
    def test_takes_addresses_without_certificates(self, url: str) -> None:
        validate_discovery(url, "dns")

    @pytest.mark.parametrize("url", ["https://models:8000/v1", "grpcs://models:8001"])
    def test_refuses_certificates_which_are_made_out_to_names(self, url: str) -> None:
        with pytest.raises(ValidationError):
            validate_discovery(url, "dns")
