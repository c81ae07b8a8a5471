"""The log against a model that keeps everything: whatever happens, each reader gets its bytes, whole and in order.

Readers come and go, their links take bytes by the piece, messages are sent between the lines, and what is retained is
so little that the slow ones fall out.
"""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from oyez.log import Chunk, Log
from oyez.log import log as log_module
from tests.log.readers import CONTROL, Reader, line

LENGTHS = st.integers(6, 40)
TURNS = st.lists(st.lists(LENGTHS, min_size=1, max_size=4), min_size=1, max_size=3)
ROOMS = st.none() | st.integers(0, 60)


class LogMachine(RuleBasedStateMachine):
    readers = Bundle("readers")

    @initialize(retention=st.integers(0, 200), read=st.sampled_from([1, 7, 64, 256 * 1024]))
    def begin(self, retention: int, read: int) -> None:
        self.read_before, log_module.READ = log_module.READ, read
        self.log = Log(retention)
        self.whole = b""  # everything that was ever published
        self.ends = [0]  # where each line ends in it, by sequence
        self.chunk_ends = [0]
        self.all: list[Reader] = []
        self.closed: list[Reader] = []

    def teardown(self) -> None:
        log_module.READ = self.read_before
        for reader in self.all:
            if reader.cursor not in self.log.fallen_out():
                reader.drain_all()
                assert reader.activities == self.whole[reader.place :]

    # -- what happens -----------------------------------------------------------------------------------------------

    @rule(turn=TURNS)
    def publish(self, turn: list[list[int]]) -> None:
        chunks = []
        for lengths in turn:
            first = len(self.ends)
            lines = [line(first + index, length) for index, length in enumerate(lengths)]
            for one in lines:
                self.whole += one
                self.ends.append(len(self.whole))
            chunks.append(Chunk("a.1", first, len(lines), b"".join(lines)))
            self.chunk_ends.append(len(self.whole))
        self.log.publish(chunks)

    @rule(target=readers, room=ROOMS)
    def come(self, room: int | None) -> Reader:
        return self._add(Reader(self.log, room=room))

    @rule(target=readers, back=st.integers(0, 30), room=ROOMS)
    def come_back(self, back: int, room: int | None) -> Reader:
        sequence = max(self.log.last - back, self.log.first - 1)
        position = self.log.position_after(sequence)
        assert position == self.ends[sequence]
        return self._add(Reader(self.log, position, room))

    @rule(target=readers, back=st.integers(0, 30), room=ROOMS)
    def resume(self, back: int, room: int | None) -> Reader:
        held = max(self.log.last - back, 0)
        reader = Reader.resuming(self.log, {"a.1": held}, room)
        reader.place = self.ends[max(held, self.log.first - 1)]
        assert self.log.gaps({"a.1": held}) == (
            [("a.1", held + 1, self.log.first - 1)] if held < self.log.first - 1 else []
        )
        return self._add(reader)

    def _add(self, reader: Reader) -> Reader:
        self.all.append(reader)
        reader.cursor.pump()
        return reader

    @rule(reader=readers, room=ROOMS)
    def drain(self, reader: Reader, room: int | None) -> None:
        if reader in self.all:
            reader.drain(room)

    @rule(reader=readers, room=ROOMS)
    def shrink(self, reader: Reader, room: int | None) -> None:
        reader.room = room

    @rule(reader=readers, length=st.integers(0, 30))
    def say(self, reader: Reader, length: int) -> None:
        if reader in self.all:
            reader.say(CONTROL + b"-" * length + b"\n")

    @rule(reader=consumes(readers))
    def leave(self, reader: Reader) -> None:
        reader.cursor.close()
        if reader in self.all:
            self.all.remove(reader)
            self.closed.append(reader)

    @rule()
    def part_with_the_fallen(self) -> None:
        fallen = self.log.fallen_out()
        for reader in [reader for reader in self.all if reader.cursor in fallen]:
            reader.say(CONTROL + b"too slow\n")
            assert reader.handed.endswith(b"\n" + CONTROL + b"too slow\n") or reader.handed == CONTROL + b"too slow\n"
            reader.cursor.close()
            self.all.remove(reader)
            self.closed.append(reader)

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def each_reader_has_the_logs_bytes_from_its_place_on(self) -> None:
        for reader in self.all + self.closed:
            activities = reader.activities
            assert self.whole.startswith(activities, reader.place)

    @invariant()
    def who_does_not_lag_has_everything(self) -> None:
        for reader in self.all:
            if not reader.cursor.behind:
                assert len(reader.activities) == len(self.whole) - reader.place
        assert len(self.log.behind) == sum(reader.cursor.behind for reader in self.all)

    @invariant()
    def no_more_is_held_than_is_retained(self) -> None:
        held = self.log.size
        last_chunk = self.chunk_ends[-1] - self.chunk_ends[-2] if len(self.chunk_ends) > 1 else 0
        assert held <= max(self.log.retention, last_chunk)
        assert sum(len(chunk.data) for chunk in self.log._chunks) == held
        assert self.log.end == len(self.whole)
        assert self.log.start in self.chunk_ends

    @invariant()
    def what_could_be_held_is_held(self) -> None:
        for start, end in pairwise(self.chunk_ends):
            if len(self.whole) - start <= self.log.retention:
                assert self.log.start <= start < end

    @invariant()
    def who_fell_out_is_known(self) -> None:
        fallen = self.log.fallen_out()
        for reader in self.all:
            assert (reader.cursor in fallen) == (self._line_end(reader) < self.log.start)

    def _line_end(self, reader: Reader) -> int:
        """Where the line ends that this reader has begun."""
        place = reader.place + len(reader.activities)
        return min((end for end in self.ends if end >= place), default=place)

    @invariant()
    def places_are_right(self) -> None:
        first = self.ends.index(self.log.start) + 1
        last = len(self.ends) - 1
        assert (self.log.first, self.log.last) == ((first, last) if last else (1, 0))
        for sequence, end in enumerate(self.ends):
            held = end >= self.log.start
            assert self.log.position_after(sequence) == (end if held else None)

    @invariant()
    def reads_are_right(self) -> None:
        for position in {self.log.start, (self.log.start + self.log.end) // 2, self.log.end}:
            for limit in (1, 10, 10_000):
                data = self.log.read(position, limit)
                assert len(data) <= limit
                assert self.whole.startswith(data, position)
                next_chunk = min((end for end in self.chunk_ends if end > position), default=position)
                assert len(data) >= min(limit, next_chunk - position)

    @invariant()
    def what_was_delivered_is_counted(self) -> None:
        whole_lines = [reader.activities.count(b"\n") for reader in self.all + self.closed]
        assert self.log.delivered == sum(whole_lines)
        assert self.log.sent == sum(len(reader.activities) for reader in self.all + self.closed)


TestLog = LogMachine.TestCase
TestLog.settings = settings(max_examples=150, stateful_step_count=40)


# -- several origins ------------------------------------------------------------------------------------------------

ORIGINS = ("a.1", "b.1", "c.1")


class ResumeMachine(RuleBasedStateMachine):
    """Origins publish, skip and pass over; readers come with cursors, whose links take bytes by the piece."""

    readers = Bundle("readers")

    @initialize(retention=st.integers(0, 400), read=st.sampled_from([1, 30, 256 * 1024]))
    def begin(self, retention: int, read: int) -> None:
        self.read_before, log_module.READ = log_module.READ, read
        self.log = Log(retention)
        self.log.on_forget = self._forget
        self.positions = dict.fromkeys(ORIGINS, 0)
        self.gone = dict.fromkeys(ORIGINS, 0)  # up to where there is nothing any more
        self.held: list[tuple[str, int, bytes]] = []
        self.expected: dict[Reader, list[bytes]] = {}

    def teardown(self) -> None:
        log_module.READ = self.read_before
        for reader, expected in self.expected.items():
            if reader.cursor not in self.log.fallen_out():
                reader.drain_all()
                assert reader.activities == b"".join(expected)

    def _forget(self, chunk: Chunk) -> None:
        assert [(chunk.origin, chunk.first + index) for index in range(chunk.count)] == [
            line[:2] for line in self.held[: chunk.count]
        ]
        del self.held[: chunk.count]
        self.gone[chunk.origin] = max(self.gone[chunk.origin], chunk.last)

    @rule(turn=st.lists(st.tuples(st.sampled_from(ORIGINS), st.integers(1, 3)), min_size=1, max_size=3))
    def publish(self, turn: list[tuple[str, int]]) -> None:
        chunks = []
        for origin, count in turn:
            first = self.positions[origin] + 1
            lines = [line(first + index, 20 + ORIGINS.index(origin)) for index in range(count)]
            self.positions[origin] += count
            self.held += [(origin, first + index, one) for index, one in enumerate(lines)]
            chunks.append(Chunk(origin, first, count, b"".join(lines)))
            for expected in self.expected.values():
                expected += lines
        self.log.publish(chunks)

    @rule(origin=st.sampled_from(ORIGINS), count=st.integers(1, 3), is_gap=st.booleans())
    def leave_out(self, origin: str, count: int, is_gap: bool) -> None:
        """What comes next of this origin is missed, or repeats what is here."""
        self.positions[origin] += count
        if is_gap:
            self.gone[origin] = self.positions[origin]
            self.log.skip_to(origin, self.positions[origin])
        else:
            self.log.pass_over(origin, self.positions[origin])

    @rule(part=st.floats(0, 1))
    def grow_old(self, part: float) -> None:
        self.log.forget_to(self.log.start + round(part * self.log.size))

    @rule(target=readers, lacks=st.tuples(*[st.integers(0, 8)] * 3), room=ROOMS)
    def resume(self, lacks: tuple[int, int, int], room: int | None) -> Reader:
        cursor = {origin: max(0, self.positions[origin] - lack) for origin, lack in zip(ORIGINS, lacks, strict=True)}
        gaps = self.log.gaps(cursor)
        assert gaps == [
            (origin, cursor[origin] + 1, self.gone[origin]) for origin in ORIGINS if self.gone[origin] > cursor[origin]
        ]
        cursor.update({origin: last for origin, _, last in gaps})
        reader = Reader.resuming(self.log, cursor, room)
        self.expected[reader] = [one for origin, sequence, one in self.held if sequence > cursor[origin]]
        reader.cursor.pump()
        return reader

    @rule(reader=readers, room=ROOMS)
    def drain(self, reader: Reader, room: int | None) -> None:
        reader.drain(room)

    @rule(reader=readers, length=st.integers(0, 30))
    def say(self, reader: Reader, length: int) -> None:
        reader.say(CONTROL + b"-" * length + b"\n")

    @invariant()
    def each_reader_has_what_it_lacked_in_order_and_nothing_else(self) -> None:
        for reader, expected in self.expected.items():
            assert b"".join(expected).startswith(reader.activities)
            if not reader.cursor.behind:
                assert reader.activities == b"".join(expected)

    @invariant()
    def positions_are_right(self) -> None:
        assert self.log.positions == {origin: last for origin, last in self.positions.items() if last}


TestResuming = ResumeMachine.TestCase
TestResuming.settings = settings(max_examples=150, stateful_step_count=40)
