"""Whom an address stands for, when limits are counted by address.

Must not know: what is counted.
"""

from ipaddress import IPv6Address

from oyez.core.peer import From

NETWORK = 64
"""Bits of an IPv6 address that count: whoever has one such address has all that begin with these."""


def key(who: From) -> str:
    """The same for all addresses that one party can choose from."""
    if ":" not in who.address:
        return who.address
    try:
        bits = int(IPv6Address(who.address.partition("%")[0]))
    except ValueError:
        return who.address
    return f"{bits >> (128 - NETWORK):x}/{NETWORK}"


def limited(who: From, loopback: bool) -> bool:
    """Do limits by address hold for it? This machine's own are many parties', or the operator's."""
    return loopback or not who.loopback
