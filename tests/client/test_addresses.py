"""Addresses as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.client.addresses import parse, parse_all, show
from oyez.protocol.messages import Address

ports = st.integers(1, 65535)
hosts = st.from_regex(r"[a-z0-9.-]{1,40}", fullmatch=True) | st.ip_addresses().map(str)


@given(st.builds(Address, hosts, ports))
def test_what_is_shown_is_read_back(address: Address) -> None:
    assert parse(show(address)) == address


def test_ipv6_goes_in_brackets() -> None:
    assert parse("[::1]:3780") == Address("::1", 3780)
    assert show(Address("::1", 3780)) == "[::1]:3780"


@pytest.mark.parametrize(
    "text",
    ["", ":", "nowhere", "nowhere:", ":3780", "a:b", "a:0", "a:65536", "a:-1", "a:²", "::1:3780", "a" * 256 + ":1"],
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|a port is"):
        parse(text)


def test_several() -> None:
    one, other = Address("a", 1), Address("b", 2)
    assert parse_all("a:1") == [one]
    assert parse_all("a:1, b:2,a:1") == [one, other]
    assert parse_all(["a:1", "b:2"]) == [one, other]
    with pytest.raises(ValueError, match="no address"):
        parse_all([])
