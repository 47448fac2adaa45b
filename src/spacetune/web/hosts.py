"""Which names a request may call the server by, so that no other site's page can reach it under a name of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["Hosts", "is_loopback"]


class Hosts:
    """Allows the names of loopback, and those given, such as the one that a proxy passes on."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = frozenset(name.lower().rstrip(".") for name in names)

    def allow(self, header: bytes | None) -> bool:
        """Say whether a ``Host`` header names this server.

        >>> [Hosts().allow(h) for h in (b"localhost:8000", b"127.0.0.9", b"[::1]:80", b"evil.example", None)]
        [True, True, True, False, False]
        """
        name = _name((header or b"").decode("latin-1").strip().lower())
        return name in self.names or name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _name(host: str) -> str:
    """Return the name without its port; nothing where that is not what it looks like."""
    name, bracket, rest = host[1:].partition("]") if host.startswith("[") else ("", "", host)
    if not bracket:
        name, colon, port = rest.partition(":")
        rest = colon + port
    well = not rest or (rest.startswith(":") and (rest[1:].isdigit() or rest == ":"))
    return name.removesuffix(".") if well and bool(bracket) == host.startswith("[") else ""


def is_loopback(address: str) -> bool:
    """Say whether an address is one of loopback's.

    >>> is_loopback("127.3.2.1"), is_loopback("::1"), is_loopback("::ffff:127.0.0.1"), is_loopback("10.0.0.1")
    (True, True, True, False)
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
