"""Which addresses are on the premises: loopback, and the networks that no router on the Internet carries."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from .errors import OutsideAddress

# spelled out, because `is_private` also holds for documentation, benchmark and, before 3.13, IPv4-mapped addresses
_ON_PREMISES = tuple(
    ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)


def on_premises(address: str) -> bool:
    """Whether an IP address is loopback or private. What is no address is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed.version == network.version and parsed in network for network in _ON_PREMISES)


async def resolves_on_premises(host: str) -> bool:
    """Whether every address of a host is on the premises. Raises `OSError` where it has none."""
    if host.replace(".", "").isdigit() or ":" in host:
        return on_premises(host)
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return all(on_premises(str(entry[4][0])) for entry in found)


def guarded_socket(address: Sequence[Any]) -> socket.socket:
    """A socket for an address as `getaddrinfo` gives it; raises `OutsideAddress` where that is not on the premises.

    At the last moment, after the name was resolved: a name that leads elsewhere by now gets nothing.
    """
    family, kind, protocol, _, where = address
    if not on_premises(str(where[0])):
        raise OutsideAddress("neither loopback nor private")
    return socket.socket(family, kind, protocol)
