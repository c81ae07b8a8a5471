"""Cursors: of another network, from the future, with names that no server has, and as many as a line holds."""

import pytest

from tests.blackbox.people import ANONYMOUS, Person, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Message, Peer, encode
from tests.hostile.strangers import Attacker, Honest, answer, attack, said

FUTURE = 2**53


def first_cursor(network: Network) -> Message:
    """What a newcomer is given: the network's name, and how far each origin is."""
    peer = Peer(network.servers["s1"])
    try:
        peer.send(ANONYMOUS.login() | {"resume": {}})
        success = peer.expect("LOGIN_SUCCESS")
        return {"network": success["network"], "origins": success["origins"], "last": [success["origin"]]}
    finally:
        peer.close()


def resumes(attacker: Attacker, network: Network, resume: object) -> Peer:
    link = attacker.connects(network.servers["s1"])
    link.send_while_open(encode(ANONYMOUS.login() | {"resume": resume}))
    return link


def test_cursors_of_another_network_are_refused(network: Network, honest: Honest) -> None:
    cursor = first_cursor(network)
    with attack("127.0.17.1") as attacker:
        for name in ("0" * 16, cursor["network"].upper(), cursor["network"] + " ", "ж" * 64, " "):
            link = resumes(attacker, network, cursor | {"network": name})
            assert link.expect_refusal("LOGIN_FAILED")["reason"] == "other_network"


def test_a_cursor_from_the_future_is_refused_and_holds_nobody_up(network: Network, honest: Honest) -> None:
    """Not at once: what it covers may be on its way."""
    cursor = first_cursor(network)
    origins = dict.fromkeys(cursor["origins"], FUTURE)
    with attack("127.0.17.2") as attacker:
        links = [resumes(attacker, network, cursor | {"origins": origins}) for _ in range(40)]
        links += [resumes(attacker, network, cursor | {"origins": {origin: FUTURE}}) for origin in origins]
        for link in links:
            link.send_while_open(encode(ANONYMOUS.post({"too": "early"})) * 100)
        honest.go_on()
        honest.come()
        assert {answer(link) for link in links} == {"cursor_ahead"}
        assert {said(link) is None for link in links} == {True}


NAMES = [
    "",
    ".",
    "-",
    "s1",
    "s1.",
    ".1",
    "s1.1-1",
    "s1.-1",
    "s1.1e9",
    "s1." + "9" * 5000,
    "s1.१",
    "../../etc/passwd",
    'x","activity":{',
    "\0",
    "ж" * 1000,
    "%d%s{}",
    "central",
]
"""As origins, which are "id.incarnation"."""


@pytest.mark.parametrize("where", ["origins", "last", "both"])
def test_hostile_origins_mean_nothing(network: Network, honest: Honest, where: str) -> None:
    """Each session opens, and gets all that follows."""
    cursor = first_cursor(network)
    with attack("127.0.17.3") as attacker:
        links = []
        for name in NAMES:
            hostile: Message = {}
            if where != "last":
                hostile["origins"] = cursor["origins"] | {name: FUTURE}
            if where != "origins":
                hostile["last"] = [name, name]
            links.append(resumes(attacker, network, cursor | hostile))
        for link in links:
            assert link.expect("LOGIN_SUCCESS")["network"] == cursor["network"]
            link.send(ANONYMOUS.post({"from": "a hostile cursor"}))
        for link in links:
            assert link.expect_activity()


def test_maps_as_large_as_a_line_holds(network: Network, honest: Honest) -> None:
    cursor = first_cursor(network)
    most = cursor["origins"] | {f"x{number}.1": FUTURE for number in range(1024 - len(cursor["origins"]))}
    with attack("127.0.17.4") as attacker:
        links = [resumes(attacker, network, cursor | {"origins": most}) for _ in range(30)]
        honest.go_on()
        assert {answer(link) for link in links} == {"LOGIN_SUCCESS"}
        for origins in (most | {"one.1": 1}, {f"y{number}": 0 for number in range(3000)}):
            assert answer(resumes(attacker, network, cursor | {"origins": origins})) == "malformed"
        assert (
            answer(resumes(attacker, network, cursor | {"last": [f"s{number}.1" for number in range(17)]}))
            == "malformed"
        )
        long = cursor | {"origins": {"x" * 70_000: 1}}
        assert answer(resumes(attacker, network, long)) == "line_too_long"


def test_cursors_that_are_none_are_malformed(network: Network, honest: Honest) -> None:
    cursor = first_cursor(network)
    wrong: list[object] = [
        [],
        "",
        1,
        True,
        {"network": 1},
        {"network": "x" * 65},
        {"origins": []},
        {"origins": {"s1.1": -1}},
        {"origins": {"s1.1": FUTURE + 1}},
        {"origins": {"s1.1": 1.5}},
        {"origins": {"s1.1": "1"}},
        {"origins": {"s1.1": None}},
        {"origins": {"s1.1": 10**400}},
        {"last": "s1.1"},
        {"last": {}},
        {"last": [1]},
    ]
    with attack("127.0.17.5") as attacker:
        for resume in wrong:
            resume = cursor | resume if isinstance(resume, dict) else resume
            assert answer(resumes(attacker, network, resume)) == "malformed", resume


def test_a_cursor_of_somebody_elses_session_ends_nobodys(
    network: Network, honest: Honest, people: list[Person]
) -> None:
    """`session` and `resume` of another, under one's own name: a session of one's own."""
    cursor, string = first_cursor(network), "alice's own session string"
    with attack("127.0.17.6") as attacker:
        hers = attacker.connects(network.servers["s1"])
        hers.send(people[0].login() | {"session": string, "resume": cursor})
        assert answer(hers) == "LOGIN_SUCCESS"
        thief = attacker.connects(network.servers["s2"])
        thief.send(people[1].login() | {"session": string, "resume": cursor})
        assert answer(thief) == "LOGIN_SUCCESS"
        mine = somebody().username
        hers.send(people[0].post({"still": mine}))
        while hers.expect_activity().get("still") != mine:
            pass
