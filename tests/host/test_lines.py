"""From bytes to what a role hears: lines, their limits, and whole blocks of activities on links that are trusted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core import effects as fx
from oyez.host import Link
from oyez.protocol import limits
from oyez.protocol.framing import MESSAGE_PREFIX
from oyez.protocol.messages import InvalidMessage, Malformed
from tests.host.fakes import Stage, said, send, word

LIMIT = 64
ACTIVITY = MESSAGE_PREFIX + b'"id":"a.1-1","activity":{}}\n'


@pytest.fixture
def stage() -> Stage:
    return Stage(LIMIT)


def refuse_what_is_no_message(stage: Stage) -> None:
    def answer(link: int, message: object) -> fx.Effects:
        return [fx.Send(link, message), fx.Close(link)] if isinstance(message, InvalidMessage) else []

    stage.role.answers["message"] = answer


@given(words=st.lists(st.sampled_from(["a", "b", "cc"]), max_size=6), data=st.data())
def test_the_role_hears_the_same_however_the_bytes_came(words: list[str], data: st.DataObject) -> None:
    stage = Stage(LIMIT)
    link, _ = stage.open()
    stream = said(*words)
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    for start, end in zip([0, *places], [*places, len(stream)], strict=True):
        stage.host.received(link, stream[start:end])
    assert stage.words_heard() == words


def test_what_is_no_message_is_told_to_the_role_as_such(stage: Stage) -> None:
    link, _ = stage.open()
    stage.host.received(link, b"?\n" + said("hello"))
    assert type(stage.role.heard[1][2]) is Malformed
    assert stage.words_heard() == ["not_json", "hello"]


# -- limits ---------------------------------------------------------------------------------------------------------


def test_a_line_over_the_limit_is_refused_and_nothing_behind_it_is_heard(stage: Stage) -> None:
    refuse_what_is_no_message(stage)
    link, transport = stage.open()
    stage.host.received(link, said("before") + b"x" * (LIMIT + 1) + b"\n" + said("behind"))
    assert stage.words_heard() == ["before", "line_too_long"]
    assert b"longer than 64 bytes" in transport.sent
    assert transport.ended == "closed"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_line_of_exactly_the_limit_is_heard(stage: Stage, ending: bytes) -> None:
    link, _ = stage.open()
    line = said("x" * (LIMIT - len(said("")) + 1))[:-1]
    assert len(line) == LIMIT
    stage.host.received(link, line + ending)
    assert stage.words_heard() == ["x" * (LIMIT - len(said("")) + 1)]


def test_a_line_that_never_ends_is_refused_before_it_has(stage: Stage) -> None:
    refuse_what_is_no_message(stage)
    link, transport = stage.open()
    for _ in range(LIMIT + 1):
        stage.host.received(link, b"x")
        assert not transport.ended
    stage.host.received(link, b"x")
    assert stage.words_heard() == ["line_too_long"]
    assert transport.ended == "closed"


def test_an_endless_line_behind_good_ones_is_refused_after_them(stage: Stage) -> None:
    refuse_what_is_no_message(stage)
    link, _ = stage.open()
    stage.host.received(link, said("one", "two") + b"x" * 1000)
    assert stage.words_heard() == ["one", "two", "line_too_long"]


# -- trust ----------------------------------------------------------------------------------------------------------


def trusted(stage: Stage) -> Link:
    link, _ = stage.open()
    stage.host.perform([fx.Trust(link.id)])
    return link


def test_a_trusted_link_may_say_longer_lines(stage: Stage) -> None:
    link = trusted(stage)
    stage.host.received(link, said("x" * 10_000))
    stage.host.received(link, b"y" * limits.NODE_LINE)
    assert stage.words_heard() == ["x" * 10_000]
    stage.host.received(link, b"yy")
    assert stage.words_heard()[1:] == ["line_too_long"]


def test_trust_holds_for_the_lines_behind_the_one_that_earned_it(stage: Stage) -> None:
    link, _ = stage.open()
    stage.on_words({"I am a node": [fx.Trust(link.id)]})
    stage.host.received(link, said("I am a node", "x" * 1000) + ACTIVITY)
    assert stage.words_heard() == ["I am a node", "x" * 1000]
    assert stage.role.heard[-1] == ("activities", link.id, ACTIVITY)


def test_activities_on_a_trusted_link_come_as_whole_blocks(stage: Stage) -> None:
    link = trusted(stage)
    stage.host.received(link, ACTIVITY * 3 + ACTIVITY[:10])
    stage.host.received(link, ACTIVITY[10:])
    blocks = [event[2] for event in stage.role.heard if event[0] == "activities"]
    assert blocks == [ACTIVITY * 3, ACTIVITY]


def test_messages_among_activities_keep_their_place(stage: Stage) -> None:
    link = trusted(stage)
    stage.host.received(link, ACTIVITY + said("between") + ACTIVITY)
    assert stage.role.heard[1:] == [
        ("activities", link.id, ACTIVITY),
        ("message", link.id, word("between")),
        ("activities", link.id, ACTIVITY),
    ]


def test_activities_on_a_link_that_is_not_trusted_are_just_messages() -> None:
    stage = Stage(line_limit=1000)
    link, _ = stage.open()
    stage.host.received(link, ACTIVITY * 2)
    assert [event[0] for event in stage.role.heard[1:]] == ["message", "message"]


def test_what_comes_behind_a_refused_activity_is_not_heard(stage: Stage) -> None:
    link = trusted(stage)
    stage.role.answers["activities"] = lambda link, block: [send(link, "no"), fx.Close(link)]
    stage.host.received(link, said("one") + ACTIVITY + said("two"))
    stage.host.received(link, ACTIVITY)
    assert [event[0] for event in stage.role.heard[1:]] == ["message", "activities"]


def test_tls_where_it_is_not_spoken_is_answered_before_its_line_ends(stage: Stage) -> None:
    refuse_what_is_no_message(stage)
    link, transport = stage.open()
    stage.host.received(link, b"\x16\x03\x01\x00\xc8\x01\x00")
    assert transport.ended == "closed"
    assert len(transport.lines) == 1
