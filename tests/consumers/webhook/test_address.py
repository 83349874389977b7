"""Which addresses a webhook may reach."""

from ipaddress import ip_network

import pytest

from consumers.webhook.address import Fence
from telemetry.core.errors import ConfigurationError

PRIVATE = (
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1"),
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101")


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not Fence().admits(address, secure=True)
    with pytest.raises(OSError, match="not a public address"):
        Fence().guard(secure=True)(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_reached_over_tls_only(address: str) -> None:
    assert Fence().admits(address, secure=True)
    assert not Fence().admits(address, secure=False)


def test_an_allowed_network_is_reached_with_or_without_tls_and_no_other_is() -> None:
    fence = Fence((ip_network("127.0.0.0/8"),))
    assert fence.admits("127.0.0.1", secure=False)
    assert fence.admits("::ffff:127.0.0.1", secure=True)
    assert not fence.admits("10.0.0.1", secure=True)
    assert not fence.admits("1.1.1.1", secure=False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/", "expected https"),
        ("https://127.0.0.1/", "127.0.0.1 is not a public address"),
        ("https://[::1]:8080/", "::1 is not a public address"),
    ],
)
def test_what_shows_beforehand_is_said_beforehand(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Fence().check_url(url)


def test_a_name_is_looked_at_when_it_is_connected_to() -> None:
    Fence().check_url("https://localhost/")
    Fence((ip_network("127.0.0.0/8"),)).check_url("http://localhost/")
