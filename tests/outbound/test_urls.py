import pytest

from chatbot.outbound.urls import read_url


class TestReadUrl:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("https://example.com", "https://example.com/"),
            ("  https://EXAMPLE.com./a?b=c ", "https://example.com/a?b=c"),
            ("https://example.com:443/", "https://example.com/"),
            ("http://example.com:8080/a b".replace(" ", "%20"), "http://example.com:8080/a%20b"),
            (
                "https://한국.example/보고서",
                "https://xn--3e0b707e.example/%EB%B3%B4%EA%B3%A0%EC%84%9C",
            ),
            ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
            ("https://1.1.1.1/?q=가&r=%20", "https://1.1.1.1/?q=%EA%B0%80&r=%20"),
            ("https://example.com/a?b=c#part/2?d#e", "https://example.com/a?b=c"),
            ("https://example.com#part", "https://example.com/"),
            ("https://example.com#@a.example/", "https://example.com/"),
        ],
        ids=[
            "name",
            "tidied",
            "usual port",
            "port",
            "Korean",
            "IPv6",
            "IPv4",
            "part",
            "root",
            "at",
        ],
    )
    def test_gives_the_usual_form(self, text: str, url: str) -> None:
        assert str(read_url(text)) == url
