"""Where requests of ours may go, address by address."""

from __future__ import annotations

import pytest

from billing.rules.outbound import is_public, may_reach


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.170",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:7f00:1::1",
        "2001:db8::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_no_request_may_reach(address):
    assert not is_public(address)
    assert not may_reach("api.example.com", address, "")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111"]
)
def test_addresses_of_the_internet(address):
    assert is_public(address)
    assert may_reach("api.example.com", address, "")


@pytest.mark.parametrize(
    ("host", "address", "allowed", "reached"),
    [
        ("stripe.internal", "10.0.0.7", "10.0.0.0/24", True),
        ("stripe.internal", "10.0.1.7", "10.0.0.0/24", False),
        ("stripe.internal", "10.0.1.7", "10.0.0.0/24, 10.0.1.7", True),
        ("Stripe.internal", "10.0.0.7", "stripe.internal", True),
        ("other.internal", "10.0.0.7", "stripe.internal", False),
        ("anything", "127.0.0.1", "1", True),
        ("localhost", "::ffff:127.0.0.1", "127.0.0.0/8", True),
        ("localhost", "::1", "127.0.0.0/8", False),
        ("localhost", "127.0.0.1", "0", False),
    ],
)
def test_private_addresses_that_the_installation_names(host, address, allowed, reached):
    assert may_reach(host, address, allowed) is reached


def test_what_is_no_address_is_refused():
    with pytest.raises(ValueError, match="does not appear"):
        is_public("api.example.com")
