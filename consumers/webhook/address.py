"""Which addresses may be told: public ones, and those networks that the operator allows.

Looked at when a connection is about to be made, so whatever a name resolves to by then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from telemetry.core.errors import ConfigurationError
from telemetry.runtime.settings import Network

Address = IPv4Address | IPv6Address
# They carry an IPv4 address in their last bits, to whatever network that belongs (RFC 6052, section 2.1; RFC 8215).
TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


class RefusedAddressError(OSError):
    """An address that must not be connected to."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"{address} is not a public address")


@dataclass(frozen=True, slots=True)
class Fence:
    """Keeps requests out of private networks, but for those that are allowed."""

    allowed: Sequence[Network] = ()

    def guard(self, *, secure: bool) -> Callable[[str], None]:
        """Make what looks at each address; without TLS only allowed networks are told."""

        def look(address: str) -> None:
            if not self.admits(address, secure=secure):
                raise RefusedAddressError(address)

        return look

    def admits(self, address: str, *, secure: bool) -> bool:
        """Say whether an address may be connected to."""
        place = _plain(ip_address(address.partition("%")[0]))
        return any(place in network for network in self.allowed) or (secure and _is_public(place))

    def check_url(self, url: str) -> None:
        """Raise ConfigurationError where it shows without asking anybody that an address would be refused."""
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        try:
            good = self.admits(host, secure=secure)
        except ValueError:  # a name: what it leads to is looked at when it is connected to
            good = secure or bool(self.allowed)
        if not good:
            wrong = f"{host} is not a public address" if secure else "expected https"
            raise ConfigurationError(f"{url}: {wrong}; TELLONCE_WEBHOOK_ALLOW=127.0.0.0/8 allows a network of your own")


def _plain(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if any(address in network for network in TRANSLATED):
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
