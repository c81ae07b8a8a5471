"""What another server brings: its lines' numbers are read right, or it is refused; nothing that it writes raises.

The input is a block of activity lines, as bytes or put together of parts.
"""

from __future__ import annotations

from oyez.core.origin import beginning, check_run, runs
from oyez.core.server import posts
from oyez.log import Chunk
from oyez.protocol.framing import MESSAGE_PREFIX
from tests.fuzz.data import Data

LONGEST, RUNS = 512, 8_000
ORIGINS = ["a.1", "b.1", "a.10", "m.1"]
SEQUENCES = [b"1", b"2", b"3", b"9", b"10", b"01", b"0", b"", b"-1", b"9" * 20, b"9" * 5000, b"1e3", b"\xd9\xa3"]
NAMES = [b"a.1", b"b.1", b"", b"\xff", b"a-1.1", b".", b"a.1\\", "é.1".encode(), b"a" * 300]
TAILS = [b'"activity":{}}', b'"post":"tag-1","activity":{}}', b'"post":"t-0","activity":{"post":"x-2"}}', b"", b"}"]
TAILS += [b'"post":"t-%b","activity":{}}' % (b"9" * 5000), b'"activity":{"id":"a.1-1","post":"y-1"}}', b'"post":"-1"']
WORDS = [MESSAGE_PREFIX.decode(), '"id":"a.1-', '"post":"tag-', '",', "\n", '"activity":{}}\n', "9" * 60]


def check(data: bytes) -> None:
    decisions = Data(data)
    match decisions.below(3):
        case 0:
            _hostile(b"".join(MESSAGE_PREFIX + line + b"\n" for line in decisions.rest().split(b"\n")))
        case 1:
            _hostile(b"".join(part(decisions) for _ in range(1 + decisions.below(6))))
        case _:
            _honest(decisions)


def part(decisions: Data) -> bytes:
    """A line of an activity, as nobody makes it."""
    name, sequence, tail = decisions.pick(NAMES), decisions.pick(SEQUENCES), decisions.pick(TAILS)
    return MESSAGE_PREFIX + b'"id":"' + name + b"-" + sequence + b'",' + tail + b"\n"


def _hostile(block: bytes) -> None:
    for after in (0, 1, 2, 8, 9):
        run = check_run(block, "a.1", after)
        assert run is None or _fits(run, "a.1", after + 1, block)
    chunks = runs(block)
    if chunks is not None:
        assert b"".join(chunk.data for chunk in chunks) == block
        for chunk in chunks:
            assert chunk.count == chunk.data.count(b"\n") > 0
            for sequence, line in enumerate(chunk.lines, chunk.first):
                assert line.startswith(MESSAGE_PREFIX + b'"id":"' + chunk.origin.encode() + b"-")
                written = line[len(beginning(chunk.origin)) :].partition(b'"')[0]
                assert int(written) == sequence
    _posts(Chunk("a.1", 1, block.count(b"\n"), block))


def _fits(run: Chunk, origin: str, first: int, block: bytes) -> bool:
    ends = (run.lines[0], run.first), (run.lines[-1], run.last)
    assert all(line.startswith(beginning(origin) + b'%d"' % sequence) for line, sequence in ends)
    return (run.origin, run.first, run.count, run.data) == (origin, first, len(run.lines), block)


def _posts(chunk: Chunk) -> None:
    """Those of the whole are those of its lines, and never what stands in an activity."""
    found = posts.of(chunk)
    alone = [posts.of(Chunk(chunk.origin, 1, 1, line)) for line in chunk.lines]
    assert found == [post for one in alone for post in one]
    assert all(len(one) <= 1 for one in alone)
    for line, one in zip(chunk.lines, alone, strict=True):
        for tag, number in one:
            before = line.partition(b'"activity"')[0]
            assert b'"post":"' + tag + b"-" in before
            assert number < 10**20
    memory = posts.Posts()
    once = memory.shown(chunk, [])
    dropped = len(found) - len({post for post in found if post[1]})  # there is no number 0
    assert sum(part.count for part in once) + dropped == chunk.count
    repeated = memory.shown(chunk, [])
    assert sum(part.count for part in repeated) == chunk.count - len(found)


def _honest(decisions: Data) -> None:
    """A server's own log, and what it supplies of others: the quick look agrees with the thorough one."""
    last = {origin: decisions.below(3) * 8 for origin in ORIGINS}
    origin, after = ORIGINS[0], last[ORIGINS[0]]
    expected: list[tuple[str, int]] = []
    for _ in range(1 + decisions.below(12)):
        choice = decisions.byte()
        one = ORIGINS[choice % 4] if choice & 64 else origin
        if one != origin or not any(one == before for before, _ in expected):  # its own log has no holes
            last[one] += choice >> 7 and decisions.below(3)
        last[one] += 1
        expected.append((one, last[one]))
    block = b"".join(
        beginning(one) + b'%d",' % sequence + decisions.pick(TAILS[:2]) + b"\n" for one, sequence in expected
    )
    chunks = runs(block)
    assert chunks is not None
    assert [(one.origin, one.first + at) for one in chunks for at in range(one.count)] == expected
    quick = check_run(block, origin, after)
    follows = expected == [(origin, after + 1 + at) for at in range(len(expected))]
    assert (quick is not None) == follows
    assert quick is None or chunks == [quick]
