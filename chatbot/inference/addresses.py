"""Addresses of model servers. Private networks are where they live: only the form is checked."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

USUAL_PATHS: Final = {"openai": "/v1", "anthropic": "/v1", "kserve-http": "/v2"}

GRPC_PROTOCOLS: Final = frozenset({"kserve-grpc"})
GRPC_SCHEMES: Final = frozenset({"grpc", "grpcs"})


def normalised_base_url(url: str, protocol: str = "openai") -> str:
    """The address as connectors want it: no slash at the end.

    Where no path was given it is the usual one of the protocol, if there is one. Raises Django's
    ValidationError where it is no address.
    """
    url = url.strip().rstrip("/")
    return url if _parts(url)[0].path else url + USUAL_PATHS.get(protocol, "")


def at_address(url: str, address: str) -> str:
    """The same URL with its host's name replaced by one of the addresses it stands for."""
    parts = urlsplit(url)
    host = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()


def validate_scheme(url: str, protocol: str) -> None:
    """Raises Django's ValidationError where the protocol is spoken at other addresses."""
    parts, port = _parts(url)
    if (parts.scheme in GRPC_SCHEMES) != (protocol in GRPC_PROTOCOLS):
        raise ValidationError(
            _("Addresses of gRPC, and no others, begin with grpc:// or grpcs://.")
        )
    if parts.scheme in GRPC_SCHEMES and (parts.path or not port):
        raise ValidationError(_("An address of gRPC ends with the port, such as :8001."))


def validate_discovery(url: str, discovery: str) -> None:
    """Raises Django's ValidationError where servers can't be found that way."""
    if discovery == "dns" and not url.startswith(("http://", "grpc://")):
        # Certificates are made out to names, and the servers found are addresses.
        raise ValidationError(_("Servers are found by DNS for http:// and grpc:// only."))


def validate_base_url(url: str) -> None:
    """Raises Django's ValidationError with what is wrong."""
    parts, _port = _parts(url)
    if parts.scheme not in {"http", "https", *GRPC_SCHEMES} or not parts.hostname:
        raise ValidationError(
            _("Begin with http:// or https://, for gRPC with grpc:// or grpcs://, and name a host.")
        )
    if parts.username is not None or parts.password is not None:
        raise ValidationError(_("Leave the password out; there is a field for the API key."))
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ValidationError(_("End with the path, such as /v1."))


def _parts(url: str) -> tuple[SplitResult, int | None]:
    """With the port, which isn't looked at before it is asked for.

    Raises ValidationError, also where the host's name is none that could be looked up.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ValidationError(_("This is no address.")) from error
    return parts, port
