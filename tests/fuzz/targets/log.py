"""A log and its cursors, against a list that keeps everything: each reader gets what it lacks, whole, in order, once.

The input is what happens: origins publish, skip and repeat, readers come with cursors, take bytes by the piece, are
told something between the lines, and go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from oyez.log import Chunk, Log
from oyez.log import log as log_module
from tests.fuzz.data import Data
from tests.log.readers import CONTROL, Reader, line

LONGEST, RUNS = 300, 1_500
WORDS: list[str] = []
ORIGINS = ["a.1", "b.1", "c.1"]


def check(data: bytes) -> None:
    decisions = Data(data)
    before = log_module.READ
    log_module.READ = decisions.pick([1 << 18, 1, 30, 100])
    try:
        world = _World(Log(decisions.below(400)))
        while decisions.left:
            world.step(decisions)
            world.judge()
        world.end()
    finally:
        log_module.READ = before


@dataclass
class _World:
    log: Log
    positions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ORIGINS, 0))
    gone: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ORIGINS, 0))
    held: list[tuple[str, int, bytes]] = field(default_factory=list)
    expected: dict[Reader, list[bytes]] = field(default_factory=dict)
    last_turn: int = 0

    def __post_init__(self) -> None:
        self.log.on_forget = self._forget

    def _forget(self, chunk: Chunk) -> None:
        forgotten, self.held = self.held[: chunk.count], self.held[chunk.count :]
        assert [one[:2] for one in forgotten] == [(chunk.origin, chunk.first + at) for at in range(chunk.count)]
        self.gone[chunk.origin] = max(self.gone[chunk.origin], chunk.last)

    def step(self, decisions: Data) -> None:
        match decisions.below(9):
            case 0 | 1 | 2:
                self._publish(decisions)
            case 3:
                self._skip(decisions)
            case 4:
                self.log.forget_to(self.log.start + decisions.below(self.log.size + 1))
            case 5 if len(self.expected) < 6:
                self._come(decisions)
            case 6 if self.expected:
                self._reader(decisions).drain(self._room(decisions))
            case 7 if self.expected:
                self._reader(decisions).say(CONTROL + b"-" * decisions.below(30) + b"\n")
            case 8 if self.expected:
                reader = self._reader(decisions)
                if decisions.flag():
                    reader.cursor.close()
                    del self.expected[reader]
                else:
                    reader.room = self._room(decisions)

    def _reader(self, decisions: Data) -> Reader:
        return decisions.pick(list(self.expected))

    def _room(self, decisions: Data) -> int | None:
        room = decisions.below(80)
        return None if room > 70 else room

    def _publish(self, decisions: Data) -> None:
        chunks = []
        for _ in range(1 + decisions.below(3)):
            origin, count = decisions.pick(ORIGINS), 1 + decisions.below(3)
            first = self.positions[origin] + 1
            lines = [line(first + at, 12 + decisions.below(20)) for at in range(count)]
            self.positions[origin] += count
            self.held += [(origin, first + at, one) for at, one in enumerate(lines)]
            chunks.append(Chunk(origin, first, count, b"".join(lines)))
            for expected in self.expected.values():
                expected += lines
        self.last_turn = sum(len(chunk.data) for chunk in chunks)
        self.log.publish(chunks)

    def _skip(self, decisions: Data) -> None:
        origin = decisions.pick(ORIGINS)
        self.positions[origin] += 1 + decisions.below(3)
        if decisions.flag():
            self.gone[origin] = self.positions[origin]
            self.log.skip_to(origin, self.positions[origin])
        else:
            self.log.pass_over(origin, self.positions[origin])

    def _come(self, decisions: Data) -> None:
        cursor = {origin: max(0, self.positions[origin] - decisions.below(9)) for origin in ORIGINS}
        gaps = self.log.gaps(cursor)
        assert gaps == [(one, cursor[one] + 1, self.gone[one]) for one in ORIGINS if self.gone[one] > cursor[one]]
        cursor.update({origin: last for origin, _, last in gaps})
        reader = Reader.resuming(self.log, cursor, self._room(decisions))
        self.expected[reader] = [one for origin, sequence, one in self.held if sequence > cursor[origin]]
        reader.cursor.pump()

    def judge(self) -> None:
        assert self.log.positions == {origin: last for origin, last in self.positions.items() if last}
        assert self.log.size == sum(len(one) for _, _, one in self.held)
        assert self.log.size <= self.log.retention + self.last_turn
        fallen = self.log.fallen_out()
        for reader, expected in self.expected.items():
            assert b"".join(expected).startswith(reader.activities)
            if not reader.cursor.behind:
                assert reader.activities == b"".join(expected)
                assert reader.cursor not in fallen

    def end(self) -> None:
        for reader, expected in self.expected.items():
            if reader.cursor not in self.log.fallen_out():
                reader.drain_all()
                assert reader.activities == b"".join(expected)
