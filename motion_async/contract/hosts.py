"""Which hosts a URL's name can mean, after the WHATWG's host parser, and whether one of them can be public at all.

Pure: it resolves no name. So it is no boundary: a name that looks public may lead anywhere, and whoever fetches from a
URL that a stranger has given must look at the address that it connects to. What is refused here can only be a mistake.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

import idna

__all__ = ["address_of", "is_public_host"]

_PRIVATE: Final = (
    *("localhost", "localdomain", "localhost4", "localhost6", "localdomain4", "localdomain6"),
    *("ip6-localhost", "ip6-loopback", "broadcasthost"),
    *("local", "lan", "internal", "intranet", "private", "corp", "home", "home.arpa", "invalid", "test", "onion"),
)
"""Names that no public server has, nor any name that ends in one of them (RFC 6761, 6762, 8375, and by custom)."""
_TRANSITION: Final = tuple(
    map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96"))
)
"""NAT64, 6to4, Teredo, and other addresses that only stand for one of IPv4: no server has one of its own."""
_UNICAST: Final = IPv6Network("2000::/3")
_EXAMPLES: Final = IPv6Network("3fff::/20")
"""For documentation, as not every Python knows (RFC 9637)."""
_RELAYS: Final = 0xC058_6300
"""192.88.99.0, where the relays of 6to4 were."""


def is_public_host(host: str) -> bool:
    """Whether the host of a URL, without port and brackets, can be a public server's, as far as its name tells."""
    address = address_of(host)
    if address is not None:
        return _is_public_v4(address) if isinstance(address, IPv4Address) else _is_public_v6(address)
    labels = [] if ":" in host else _labels(host)
    if not labels or _is_numeric(labels):
        return False
    name = ".".join(labels)
    return not any(name.endswith(f".{private}") or labels == [private] for private in _PRIVATE)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Give the address that a host stands for, in whatever way it is spelled; None if it is a name, or nothing."""
    if ":" in host:
        with suppress(ValueError):
            address = IPv6Address(host)
            return address.ipv4_mapped or address  # ::ffff:10.0.0.1 leads to 10.0.0.1
        return None
    labels = _labels(host)
    return _v4(labels) if labels and _is_numeric(labels) else None


def _labels(host: str) -> list[str]:
    """Give the labels of a host as browsers read them; none if it can be no host."""
    try:
        # What browsers make of letters beyond ASCII: a full-width "localhost" leads to this machine, too.
        name = host.lower() if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
    except (idna.IDNAError, IndexError):
        return []
    labels = name.removesuffix(".").split(".")
    return labels if all(labels) else []


def _is_numeric(labels: list[str]) -> bool:
    """Whether a host is an address of IPv4, or none at all, as its last label is a number: the WHATWG's rule."""
    return _number(labels[-1]) is not None or labels[-1].isdecimal()


def _v4(labels: list[str]) -> IPv4Address | None:
    """Read up to four numbers of any radix as an address; the last one fills what the others leave."""
    numbers = [_number(label) for label in labels]
    *first, last = numbers
    if len(numbers) > 4 or last is None or any(number is None or number > 255 for number in first):
        return None
    if last >= 256 ** (4 - len(first)):
        return None
    return IPv4Address(last + sum((number or 0) << (24 - 8 * place) for place, number in enumerate(first)))


def _number(label: str) -> int | None:
    """Read a part of an address: decimal, octal behind a 0, hexadecimal behind 0x, which alone is zero."""
    digits, radix = (label[2:], 16) if label.startswith("0x") else (label, 8 if label.startswith("0") else 10)
    if not all(digit in "0123456789abcdef"[:radix] for digit in digits):
        return None
    with suppress(ValueError):  # more digits than Python reads
        return int(digits or "0", radix)
    return None


def _is_public_v4(address: IPv4Address) -> bool:
    is_relay = int(address) & 0xFFFF_FF00 == _RELAYS
    return address.is_global and not (address.is_multicast or address.is_reserved or is_relay)


def _is_public_v6(address: IPv6Address) -> bool:
    stands_for_another = any(address in network for network in _TRANSITION)
    is_real = address in _UNICAST and address.is_global and address not in _EXAMPLES
    return is_real and not stands_for_another
