"""What a node allows, from its options (ADR 11).

Must not know: what becomes of who goes beyond.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oyez.core.limits.settings import DoorLimits, GuessLimits


def door(
    links: int | None,
    links_each: int,
    connects: float,
    strangers: int,
    strangers_each: int,
    patience: float,
    loopback: bool,
) -> "DoorLimits":
    """Of both kinds of node. Raises this process's own limit on file descriptors, where it may."""
    from oyez.core.limits.buckets import Rate
    from oyez.core.limits.settings import DoorLimits
    from oyez.net import descriptors

    most, reserve = descriptors.for_links(descriptors.raise_limit())
    return DoorLimits(
        links=most if links is None else min(links, most) or most,
        links_each=links_each,
        reserve=reserve,
        connects=Rate(connects, connects * 10),
        strangers=strangers,
        strangers_each=strangers_each,
        patience=patience,
        loopback=loopback,
    )


def guesses(each: int, loopback: bool) -> "GuessLimits":
    """Wrong secrets: `each` is of one user from one address; of one address, or of one user, it is four times that."""
    from oyez.core.limits.failures import Delay
    from oyez.core.limits.settings import GuessLimits

    many = replace(GuessLimits().address, free=each * 4)
    return GuessLimits(Delay(each), many, many, loopback=loopback)
