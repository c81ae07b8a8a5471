"""Whoever takes part in a simulated network as a client: how they behave, and what they all have in common.

A participant posts numbered activities that tell who posted them, and writes into the history what it does and sees.
How it gets in and out is its own affair: the old programs do it by themselves (`client`), the library's client is a
role like the others (`library`). Nothing is judged here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oyez.sim.connection import AT_ONCE
from oyez.sim.history import Entered, Posted, Saw

if TYPE_CHECKING:
    from oyez.sim.world import World

ANONYMOUS = "anonymous"


@dataclass(slots=True, frozen=True)
class Manner:
    """How a client behaves. Times are in seconds, those of a session since it began."""

    username: str = ANONYMOUS
    secret: str | None = None
    starts: float = 0.0
    registers: bool = False
    knows: tuple[int, ...] = (0,)
    """Which centrals' addresses it was given, by number."""
    library: bool = False
    """It is the library's client role, in a host of its own."""
    modern: bool = False
    """It uses tickets, names its session and numbers its posts."""
    posts: int = 0
    """How many, in each session."""
    pace: float = 1.0
    """Mean time between two posts."""
    size: int = 0
    """Longest text of a post, in characters."""
    forges: bool = False
    """It claims to be somebody else, within the activity."""
    reads: str = AT_ONCE
    stops_at: float = 0.0
    """When it begins to read in that way."""
    nibble: int = 0
    """Most bytes that it writes at once; 0: everything."""
    leaves: str = ""
    """ "logs out", "closes", "vanishes"; nothing: it stays."""
    leaves_at: float = 0.0
    rubbish: str = ""
    """What it sends of the catalogue: where `rubbish_in` says, "central" or "server" (there once it is in)."""
    rubbish_in: str = "central"
    central_link: str = "closes"
    """What it does with its link to the central after a REDIRECT: "closes", "logs out", "keeps"."""
    waits: float = 0.0
    """How long it waits for the answer to a login, half of the time, before it hangs up; 0: for ever."""
    returns: bool = True
    """It is started again when its link has ended."""

    @property
    def prompt(self) -> bool:
        """Whether it reads whatever comes, at once, and keeps to the rules: nothing that happens to it is its fault."""
        return self.reads == AT_ONCE and not self.rubbish


class Participant:
    """`session` names the present session, "" where there is none."""

    def __init__(self, world: "World", name: str, manner: Manner) -> None:
        self.world = world
        self.name = name
        self.manner = manner
        self.session = ""
        self.posted = 0
        self.heard: dict[str, int] = {}
        """The highest number that the present session saw, of each session."""
        self.quiet = False
        """It posts no more by itself."""
        self.gone = False
        """It has left for good."""
        self.acknowledged = False
        """It was told that its name is its own."""
        self._sessions = 0

    # -- what each does in its own way --------------------------------------------------------------------------

    def start(self) -> None:
        """Somebody starts the program."""
        raise NotImplementedError

    def leave(self) -> None:
        """Its user has had enough."""
        raise NotImplementedError

    def _send(self, activity: bytes) -> None:
        """Post this JSON object."""
        raise NotImplementedError

    # -- a session ----------------------------------------------------------------------------------------------

    def _enter(self, node: str, link: int) -> str:
        """It is logged in at this server. Returns the name of the session."""
        manner, now = self.manner, self.world.clock.now
        self._sessions += 1
        self.session = session = f"{self.name}.{self._sessions}"
        self.posted = 0
        self.heard = {}
        entered = Entered(now, session, self.name, manner.username, node, link, manner.prompt, manner.library)
        self.world.record(entered)
        if manner.leaves:
            self._later(manner.leaves_at, self.leave)
        if manner.posts:
            self._later(self._pause(), self._post_on)
        return session

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        """Unless this session is over by then."""
        session = self.session

        def unless_over() -> None:
            if self.session == session:
                action()

        self.world.clock.after(delay, unless_over)

    def _pause(self) -> float:
        return self.world.random.expovariate(1 / self.manner.pace) if self.manner.pace else 0.0

    def _post_on(self) -> None:
        if self.quiet:
            return
        self.post()
        if self.posted < self.manner.posts:
            self._later(self._pause(), self._post_on)

    def post(self) -> None:
        """Post the next activity, if there is a session."""
        if not self.session:
            return
        self.posted += 1
        text = _text(self.session, self.posted, int(self.world.random.random() * self.manner.size))
        activity = json.dumps({"by": self.session, "number": self.posted, "text": text})
        if self.manner.forges:
            activity = '{"authenticated_user":"root","authenticated\\u005fuser":"root",' + activity[1:]
        self.world.record(Posted(self.world.clock.now, self.session, self.posted))
        self._send(activity.encode())

    def _see(self, activity: dict[str, Any], id: str, whole: bool) -> None:
        """An activity has come; `whole`: as far as its bytes tell, nobody has added to it."""
        by, number, text = activity.get("by", "?"), activity.get("number", 0), activity.get("text", "")
        intact = whole and text == _text(by, number, len(text))
        self.heard[by] = number
        user = activity["authenticated_user"]
        self.world.record(Saw(self.world.clock.now, self.session, by, number, user, id, intact))


def _text(by: str, number: int, length: int) -> str:
    """What a post says: made of who posts and which it is, so that whoever sees it can tell whether it is intact."""
    piece = f"{by}-{number} "
    return (piece * (length // len(piece) + 1))[:length]
