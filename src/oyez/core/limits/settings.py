"""Every figure of the limits, with what it is where nobody says otherwise. Times are in seconds.

0 means no limit, everywhere. docs/operations.md explains each; ADR 11 says why the defaults are what they are.
"""

from dataclasses import dataclass, field

from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.failures import Delay

_CONNECTS = Rate(50.0, 500.0)
_QUESTIONS = Rate(10.0, 100.0)
_REGISTRATIONS_EACH = Rate(1.0, 20.0)
_FIRST_TRIES = Rate(0.1, 10.0)
_PAIR = Delay(5)
_MANY = Delay(20, forgets=60.0)  # of many people, who mistype now and then


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """Links of those who have not shown who they are, and of all clients.

    `links`: most links of clients; `links_each`: of one address. `reserve`: more that are only for nodes. `connects`:
    of each address. `strangers`: most links that have not logged in; `strangers_each`: of one address. `patience`: how
    long each may say nothing. `loopback`: whether the limits of each address hold for this machine's own, too.
    """

    links: int = 0
    links_each: int = 2000
    reserve: int = 64
    connects: Rate = _CONNECTS
    strangers: int = 10_000
    strangers_each: int = 200
    patience: float = 10.0
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Wrong secrets: of one user from one address, of one address, of one user from where he has never logged in.

    `first_tries`: how often a user whose delay is in force may be tried from addresses that have not failed yet.
    """

    pair: Delay = _PAIR
    address: Delay = _MANY
    user: Delay = _MANY
    first_tries: Rate = _FIRST_TRIES
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class CentralLimits:
    """Of a central. `registrations`: in all; `registrations_each`: of one address. `jobs`: most secrets that wait to be
    hashed; `jobs_each`: of one address. `questions`: how often a link may ask how the network is."""

    door: DoorLimits = field(default_factory=DoorLimits)
    guesses: GuessLimits = field(default_factory=GuessLimits)
    registrations: Rate = UNLIMITED
    registrations_each: Rate = _REGISTRATIONS_EACH
    jobs: int = 512
    jobs_each: int = 64
    questions: Rate = _QUESTIONS


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Of a server. `sessions_each`: most sessions of one user; `activities` and `bytes`: of one session."""

    door: DoorLimits = field(default_factory=DoorLimits)
    sessions_each: int = 1000
    activities: Rate = UNLIMITED
    bytes: Rate = UNLIMITED


CENTRAL, SERVER = CentralLimits(), ServerLimits()
"""What is allowed where nobody says otherwise."""
