"""When loads are uneven, who is asked for sessions, and where these may go."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from oyez.core.central.balance import BATCH, LEAST_PACE, PACE, SETTLED, UNANSWERED, Balance

LOADS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 300), min_size=1)


def settled(loads: dict[str, int]) -> tuple[Balance, float]:
    """One that has known these servers for long, when all was even."""
    balance = Balance()
    balance.questions(0.0, dict.fromkeys(loads, 0))
    return balance, SETTLED + 1.0


def test_small_differences_are_left_alone() -> None:
    for loads in ({}, {"a": 9}, {"a": 1, "b": 0}, {"a": 105, "b": 95}, {"a": 0, "b": 0}):
        balance, now = settled(loads)
        assert balance.questions(now, loads) == {}


def test_the_fullest_are_asked_for_what_they_have_above_the_mean() -> None:
    loads = {"a": 12, "b": 10, "c": 2}
    balance, now = settled(loads)
    assert balance.questions(now, loads) == {"a": 4, "b": 2}


def test_where_the_mean_is_no_whole_number_all_end_up_next_to_it() -> None:
    loads = {"a": 10, "b": 10, "c": 10, "d": 7}
    balance, now = settled(loads)
    assert balance.questions(now, loads) == {"b": 1, "c": 1}


def test_it_goes_on_until_they_differ_by_one_at_most() -> None:
    loads = {"a": 120, "b": 100}
    balance, now = settled(loads)
    assert balance.questions(now, loads) == {"a": 10}
    balance.answered("a")
    assert balance.questions(now + 1, {"a": 112, "b": 108}) == {"a": 2}
    balance.answered("a")
    assert balance.questions(now + 2, {"a": 110, "b": 110}) == {}
    assert balance.questions(now + 3, {"a": 112, "b": 108}) == {}  # that is no reason to begin


def test_a_server_is_asked_one_question_at_a_time() -> None:
    loads = {"a": 10, "b": 0}
    balance, now = settled(loads)
    assert balance.questions(now, loads) == {"a": 5}
    assert balance.questions(now + 1, loads) == {}
    assert balance.answered("a") == 5
    assert balance.answered("a") == 0
    assert balance.questions(now + 1, loads) == {"a": 5}
    assert balance.questions(now + 1 + UNANSWERED, loads) == {"a": 5}  # that question was lost


def test_no_more_are_asked_for_in_a_second_than_a_twentieth() -> None:
    loads = {"a": 4000, "b": 2000, "c": 0}
    balance, now = settled(loads)
    asked = 0
    while questions := balance.questions(now, loads):
        assert max(questions.values()) <= BATCH
        asked += sum(questions.values())
        for server in questions:
            balance.answered(server)
    assert asked == 6000 // PACE
    assert balance.questions(now + 0.9, loads) == {}
    assert balance.questions(now + 1.0, loads) == {"a": BATCH}


def test_a_small_network_need_not_take_long() -> None:
    loads = {"a": 60, "b": 0}
    balance, now = settled(loads)
    assert balance.questions(now, loads) == {"a": LEAST_PACE}


def test_after_a_change_of_servers_it_waits_for_those_who_are_on_the_way() -> None:
    loads = {"a": 10, "b": 0}
    balance, now = settled(loads)
    loads["c"] = 0
    assert balance.questions(now, loads) == {}
    assert balance.questions(now + SETTLED - 0.1, loads) == {}
    assert balance.questions(now + SETTLED, loads) == {"a": 6}


@given(loads=LOADS, seed=st.integers(0, 1000))
def test_moves_end_with_everyone_even_and_no_session_moves_twice(loads: dict[str, int], seed: int) -> None:
    random = Random(seed)
    sessions = {server: [f"{server} {number}" for number in range(load)] for server, load in loads.items()}
    moved = set()
    mean = sum(loads.values()) / len(loads)
    while sources := [server for server in loads if Balance.destinations(server, loads)]:
        source = random.choice(sources)
        chosen = random.choice(list(Balance.destinations(source, loads)))
        loads[source] -= 1
        loads[chosen] += 1
        assert loads[source] >= int(mean)
        assert loads[chosen] < mean + 1
        session = sessions[source].pop(0)  # a server offers those first that have been there for longest
        assert session not in moved
        moved.add(session)
        sessions[chosen].append(session)
    assert max(loads.values()) - min(loads.values()) <= 1


@given(loads=LOADS)
def test_who_is_asked_has_somewhere_to_send_them(loads: dict[str, int]) -> None:
    balance, now = settled(loads)
    for server, count in balance.questions(now, loads).items():
        assert 0 < count <= loads[server]
        assert Balance.destinations(server, loads)
