"""Two servers whose links break at any moment, overlap and lose what was under way: nothing is lost, nothing doubled."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.log import Cursor
from oyez.protocol import nodes as n
from oyez.protocol.messages import Message
from tests.core.sides import Side


class Pipe:
    """One link from a, which dialed, to b: what is under way in each direction, and a's cursor."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.to_b: deque[Message | bytes] = deque()
        self.to_a: deque[Message] = deque()
        self.cursor: Cursor | None = None
        self.a_has_it = self.b_has_it = True

    def take(self, data: bytes) -> int:
        self.to_b.extend(data.splitlines(keepends=True))
        return len(data)


class ResetMachine(RuleBasedStateMachine):
    pipes = Bundle("pipes")

    @initialize(before=st.integers(0, 3))
    def begin(self, before: int) -> None:
        self.a, self.b = Side("a"), Side("b")
        self.b.mesh.serving_since = 0.0
        self.lines: list[bytes] = []
        self.delivered: list[bytes] = []
        self.all: dict[int, Pipe] = {}
        if before:
            self.post(before)

    @rule(count=st.integers(1, 4))
    def post(self, count: int) -> None:
        self.lines += self.a.accept(count).data.splitlines(keepends=True)

    @rule(target=pipes)
    def dial(self) -> Pipe:
        pipe = Pipe(len(self.all) + 1)
        self.all[pipe.number] = pipe
        self._carry_out(self.a.mesh.dialed(1.0, pipe.number, "b"), at_a=True)
        return pipe

    @rule(pipe=pipes, count=st.integers(1, 6))
    def something_reaches_b(self, pipe: Pipe, count: int) -> None:
        block = b""
        while count and pipe.to_b and pipe.b_has_it:
            thing = pipe.to_b.popleft()
            count -= 1
            if isinstance(thing, bytes):
                block += thing
                if count and pipe.to_b and isinstance(pipe.to_b[0], bytes):
                    continue
                chunk = self.b.mesh.receive(1.0, pipe.number, block)
                assert chunk is not None
                self.delivered += chunk.data.splitlines(keepends=True)
                block = b""
            elif isinstance(thing, n.ServerHello):
                self._carry_out(self.b.mesh.greeted(1.0, pipe.number, thing), at_a=False)
            elif isinstance(thing, n.ServerPosition):
                effects = self.b.mesh.position(pipe.number, thing)
                assert effects == []  # no gap
        assert not block

    @rule(pipe=pipes)
    def something_reaches_a(self, pipe: Pipe) -> None:
        if pipe.to_a and pipe.a_has_it:
            thing = pipe.to_a.popleft()
            if isinstance(thing, n.ServerHello):
                self._carry_out(self.a.mesh.greeted(1.0, pipe.number, thing), at_a=True)

    @rule(target=pipes, pipe=pipes, lose=st.booleans())
    def a_loses_it(self, pipe: Pipe, lose: bool) -> object:
        """What was under way may arrive all the same, until b notices too."""
        self._end_at_a(pipe)
        if lose:
            pipe.to_b.clear()
        return multiple()

    @rule(target=pipes, pipe=pipes)
    def b_loses_it(self, pipe: Pipe) -> object:
        self._end_at_b(pipe)
        return multiple()

    def _end_at_a(self, pipe: Pipe) -> None:
        if pipe.a_has_it:
            pipe.a_has_it = False
            pipe.to_a.clear()
            if pipe.cursor is not None:
                pipe.cursor.close()
            self.a.mesh.lost(1.0, pipe.number)

    def _end_at_b(self, pipe: Pipe) -> None:
        if pipe.b_has_it:
            pipe.b_has_it = False
            pipe.to_b.clear()
            self.b.mesh.lost(1.0, pipe.number)

    def _carry_out(self, effects: Effects, at_a: bool) -> None:
        for effect in effects:
            if isinstance(effect, fx.Send):
                pipe = self.all[effect.link]
                (pipe.to_b if at_a else pipe.to_a).append(effect.message)
            elif isinstance(effect, fx.Follow) and at_a:
                pipe = self.all[effect.link]
                assert effect.position is not None
                pipe.cursor = effect.log.cursor(effect.position, effect.link, pipe.take)
                pipe.cursor.pump()
            elif isinstance(effect, fx.Close):
                (self._end_at_a if at_a else self._end_at_b)(self.all[effect.link])

    @invariant()
    def what_b_has_is_what_a_accepted_from_the_beginning_once(self) -> None:
        assert self.delivered == self.lines[: len(self.delivered)]

    def teardown(self) -> None:
        """When at last a link holds, everything arrives."""
        for pipe in list(self.all.values()):
            self._end_at_a(pipe)
            self._end_at_b(pipe)
        last = self.dial()
        for _ in range(3):
            self.something_reaches_b(last, 10_000)
            self.something_reaches_a(last)
        self.something_reaches_b(last, 10_000)
        assert self.delivered == self.lines


TestResets = ResetMachine.TestCase
TestResets.settings = settings(max_examples=100, stateful_step_count=30)
