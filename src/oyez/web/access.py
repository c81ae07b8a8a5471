"""Who may read a page that is for operators.

Guarantees: this machine may, wherever anybody may. Must not know: which page it is.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from oyez.core.peer import From


@dataclass(frozen=True)
class Access:
    """`anybody`, or this machine and the `networks`; where it is not `offered`, nobody."""

    anybody: bool = True
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    offered: bool = True

    def allows(self, who: From) -> bool:
        """May whoever has come from there?"""
        if not self.offered:
            return False
        if self.anybody or who.loopback:
            return True
        try:
            address = ip_address(who.address.partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in self.networks)


def parse(text: str) -> Access:
    """`any`, `none`, `local`, or networks with commas between. Raises ValueError."""
    if text in ("any", "none", "local"):
        return Access(anybody=text == "any", offered=text != "none")
    try:
        networks = tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{text!r} is not any, local, none, or networks such as 10.0.0.0/8: {error}") from error
    return Access(anybody=False, networks=networks)
