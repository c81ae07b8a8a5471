"""Two servers whose links break at any moment, overlap and lose what is under way: nothing is lost, nothing doubled."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.log import Cursor
from oyez.protocol import peers as p
from oyez.protocol.messages import Message
from tests.core.sides import Side


class End:
    """One side's end of a link: what is under way to it, and the cursor that this side gave the other."""

    def __init__(self, other: "End | None" = None) -> None:
        self.open = True
        self.incoming: deque[Message | bytes] = deque()
        self.cursor: Cursor | None = None
        self.other = other or End(self)

    def take(self, data: bytes) -> int:
        self.other.incoming.extend(data.splitlines(keepends=True))
        return len(data)


class Server(Side):
    """A side that keeps the links it knows and what it was brought by them."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.ends: dict[int, End] = {}
        self.posted: list[bytes] = []
        self.received: list[bytes] = []

    def posts(self, count: int) -> None:
        self.posted += self.accept(count).lines

    def add(self, link: int, end: End) -> None:
        self.ends[link] = end

    def hear(self, link: int, most: int) -> None:
        """So many of the things under way arrive, activities in blocks as long as they are together."""
        end, block = self.ends[link], b""
        for _ in range(most):
            if not end.open or not end.incoming:
                break
            thing = end.incoming.popleft()
            if isinstance(thing, bytes):
                block += thing
            else:
                self._bring(link, block)
                block = b""
                self._answer(link, thing)
        self._bring(link, block)

    def _bring(self, link: int, block: bytes) -> None:
        if block:
            chunks, in_order = self.mesh.receive(1.0, link, block)
            assert in_order
            self.received += [line for chunk in chunks for line in chunk.lines]

    def _answer(self, link: int, message: Message) -> None:
        if isinstance(message, p.ServerHello):
            self.carry_out(self.mesh.greeted(1.0, link, message))
        elif isinstance(message, p.ServerPosition):
            effects, missed = self.mesh.position(link, message)
            assert missed == []
            self.carry_out(effects)
        elif isinstance(message, p.Positions):
            effects, missed = self.mesh.told(1.0, link, message)
            assert missed == []
            self.carry_out(effects)

    def carry_out(self, effects: Effects) -> None:
        for effect in effects:
            if isinstance(effect, fx.Send):
                self.ends[effect.link].other.incoming.append(effect.message)
            elif isinstance(effect, fx.Follow):
                end = self.ends[effect.link]
                assert effect.position is not None
                end.cursor = effect.log.cursor(effect.position, effect.link, end.take)
                end.cursor.pump()
            elif isinstance(effect, fx.Close):
                self.lose(effect.link)

    def lose(self, link: int) -> None:
        end = self.ends[link]
        if end.open:
            end.open = False
            if end.cursor is not None:
                end.cursor.close()
            self.carry_out([effect for effect in self.mesh.lost(1.0, link) if isinstance(effect, fx.Send)])


class ResetMachine(RuleBasedStateMachine):
    links = Bundle("links")

    @initialize(before=st.integers(0, 3))
    def begin(self, before: int) -> None:
        self.a, self.b = Server("a"), Server("b")
        for side in (self.a, self.b):
            if before:
                side.posts(before)

    @rule(who=st.sampled_from("ab"), count=st.integers(1, 4))
    def post(self, who: str, count: int) -> None:
        self._side(who).posts(count)

    @rule(target=links)
    def dial(self) -> int:
        """a connects to b, whatever links there are already: it may know of none that works."""
        link, end = len(self.a.ends) + 1, End()
        self.a.add(link, end)
        self.b.add(link, end.other)
        self.a.carry_out(self.a.mesh.dialed(1.0, link, "b"))
        return link

    @rule(link=links, who=st.sampled_from("ab"), most=st.integers(1, 6))
    def hear(self, link: int, who: str, most: int) -> None:
        self._side(who).hear(link, most)

    @rule(link=links, rounds=st.integers(1, 4))
    def talk(self, link: int, rounds: int) -> None:
        """A while in which all that is under way arrives."""
        for _ in range(rounds):
            self.b.hear(link, 100)
            self.a.hear(link, 100)

    @rule(target=links, link=links, who=st.sampled_from("ab"), with_what_is_under_way=st.booleans())
    def lose(self, link: int, who: str, with_what_is_under_way: bool) -> object:
        """One side notices now, the other later; it may still hear what was sent before."""
        side = self._side(who)
        if with_what_is_under_way:
            side.ends[link].other.incoming.clear()
            self._side("b" if who == "a" else "a").lose(link)
        side.lose(link)
        return multiple()

    def _side(self, who: str) -> Server:
        return self.a if who == "a" else self.b

    @invariant()
    def each_has_what_the_other_accepted_from_the_beginning_once(self) -> None:
        for reader, writer in ((self.a, self.b), (self.b, self.a)):
            assert reader.received == writer.posted[: len(reader.received)]

    def teardown(self) -> None:
        """When at last a link holds, everything arrives."""
        for link in list(self.a.ends):
            self.a.lose(link)
            self.b.lose(link)
        self.talk(self.dial(), 4)
        assert self.a.received == self.b.posted
        assert self.b.received == self.a.posted


TestResets = ResetMachine.TestCase
TestResets.settings = settings(max_examples=150, stateful_step_count=30)
