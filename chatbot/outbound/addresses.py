"""Which IP addresses may be connected to: those of the public internet, and what operators name."""

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_IPV4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "100.64.0.0/10",  # carriers' address translation, and a cloud's metadata
            "168.63.129.16/32",  # a cloud's metadata at an address that is public by number
            "169.254.0.0/16",  # link-local, and most clouds' metadata
            "192.0.0.0/24",  # protocol assignments
            "192.88.99.0/24",  # relays of 6to4
            "198.18.0.0/15",  # benchmarks
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_GLOBAL_IPV6: Final = IPv6Network("2000::/3")
_REFUSED_IPV6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""What networks without IPv4 make of the IPv4 addresses of names (RFC 6052)."""
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The upper half of an interface's identifier that has an IPv4 address as the lower one."""


@dataclass(frozen=True, slots=True)
class PrivateHosts:
    """What operators allow beside the public internet: names, and networks by number."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: list[str]) -> "PrivateHosts":
        """From `intranet.example`, `10.1.2.3` or `10.1.0.0/16`.

        Raises:
            ValueError: an entry is neither a name nor a network.
        """
        names, networks = set(), []
        for entry in filter(None, map(str.strip, entries)):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if not entry.replace("-", "").replace(".", "").isalnum() or not entry.isascii():
                    raise
                names.add(entry.lower().rstrip("."))
        return cls(frozenset(names), tuple(networks))

    def allow(self, *, host: str, address: Address) -> bool:
        """Whether a connection to the address is allowed, for a URL with this host."""
        plain = without_wrapping(address)
        if any(plain in network for network in self.networks if network.version == plain.version):
            return True
        return host in self.names and (plain.is_private or plain.is_loopback) and _is_host(plain)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, whatever is wrapped in it."""
    if isinstance(address, IPv6Address):
        plain = without_wrapping(address)
        return is_public(plain) if isinstance(plain, IPv4Address) else _is_public_ipv6(plain)
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _REFUSED_IPV4)
    )


def without_wrapping(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for; any other is itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public_ipv6(address: IPv6Address) -> bool:
    return (
        address in _GLOBAL_IPV6
        and address.is_global
        and address.scope_id is None
        and not any(address in network for network in _REFUSED_IPV6)
        and int(address) >> 32 & 0xFFFF_FFFF not in _ISATAP
    )


def _is_host(address: Address) -> bool:
    """A name that is allowed still can't stand for link-local addresses, metadata's among them."""
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)
