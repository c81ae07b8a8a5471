"""`oyez passwd` and `oyez user`: what was given before is void everywhere, also after the main's death."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.blackbox.commands import Outcome, oyez
from tests.blackbox.people import Person, somebody
from tests.blackbox.processes import CLUSTER_SECRET
from tests.blackbox.wire import Address, Message
from tests.failover.cluster import Cluster
from tests.failover.line import Line, ask
from tests.failover.load import attempt

SECRET: Mapping[str, str] = {"OYEZ_SECRET": CLUSTER_SECRET}


def registered(cluster: Cluster) -> Person:
    person = somebody()
    answer = attempt(cluster.centrals["c1"], person.registration())
    assert answer is not None
    assert answer["command"] == "REGISTER_SUCCESS", answer
    return person


def passwd(person: Person, at: Address) -> Person:
    """The same person, with another secret."""
    new = Person(person.username, somebody().secret)
    variables = {"OYEZ_USER_SECRET": str(person.secret), "OYEZ_NEW_SECRET": str(new.secret)}
    changed = oyez("passwd", person.username, "--central", str(at), variables=variables)
    assert (changed.code, changed.output) == (0, ""), changed
    return new


def user(*arguments: str, at: Address, variables: Mapping[str, str] = SECRET) -> Outcome:
    return oyez("user", *arguments, "--central", str(at), variables=variables)


def admitted(central: Address, question: Message) -> list[Message]:
    """The two lines with which a central lets somebody in."""
    with Line(central, 10.0) as line:
        line.send(question)
        success, redirect = line.receive(), line.receive()
    assert (success["command"], redirect["command"]) == ("LOGIN_SUCCESS", "REDIRECT")
    return [success, redirect]


def reason(address: Address, question: Message) -> str:
    """Why not; the command itself where it is no refusal."""
    answer = attempt(address, question, 10.0)
    assert answer is not None
    return str(answer.get("reason", answer["command"]))


Enter = Callable[[Message, Person], Line]


@pytest.fixture
def enter() -> Iterator[Enter]:
    """Opens a session by the ticket of a REDIRECT; all are over when the test is."""
    with ExitStack() as stack:

        def enter(at: Message, person: Person) -> Line:
            line = stack.enter_context(Line(Address(at["hostname"], at["port"]), 10.0))
            line.send({"command": "LOGIN", "username": person.username, "ticket": at["ticket"]})
            assert line.receive()["command"] == "LOGIN_SUCCESS"
            return line

        yield enter


def in_touch(line: Line, person: Person, enter: Enter) -> bool:
    """Does what this session posts come back to it? It may be sent to another server meanwhile: loads are kept even."""
    while True:
        line.send({"command": "ACTIVITY_MESSAGE", "username": person.username, "activity": {"n": 1}})
        answer = line.receive()
        while answer["command"] == "ACTIVITY_BROADCAST" and answer["activity"]["authenticated_user"] != person.username:
            answer = line.receive()
        if answer["command"] != "REDIRECT":
            return answer["command"] == "ACTIVITY_BROADCAST"
        line = enter(answer, person)


def test_a_changed_secret_ends_sessions_and_voids_tickets_everywhere(calm: Cluster, enter: Enter) -> None:
    main, backup = calm.centrals["c1"], calm.centrals["c2"]
    person, other = registered(calm), registered(calm)
    success, redirect = admitted(main, person.login())
    unused = admitted(main, person.login())[1]
    bystander = enter(admitted(main, other.login())[1], other)
    session = enter(redirect, person)

    new = passwd(person, at=backup)
    answer = session.receive()
    assert (answer["command"], answer["reason"]) == ("AUTHENTICATION_FAIL", "revoked")
    by_ticket = {"command": "LOGIN", "username": person.username}
    assert reason(main, by_ticket | {"ticket": success["ticket"]}) == "ticket_revoked"
    there = Address(unused["hostname"], unused["port"])
    assert reason(there, by_ticket | {"ticket": unused["ticket"]}) == "ticket_revoked"
    for alternate in success["alternates"]:
        there = Address(alternate["hostname"], alternate["port"])
        assert reason(there, by_ticket | {"ticket": alternate["ticket"]}) == "ticket_revoked"
    assert reason(main, person.login()) == "wrong_credentials"
    assert reason(there, person.login()) == "wrong_credentials"

    again = enter(admitted(main, new.login())[1], new)
    for line, one in ((again, new), (bystander, other)):
        assert in_touch(line, one, enter)
    assert ask(there, new.login(), 10.0)["command"] == "LOGIN_SUCCESS"


def test_it_holds_when_the_main_dies_as_soon_as_it_was_acknowledged(cluster: Cluster) -> None:
    main = cluster.centrals["c1"]
    person, gone = registered(cluster), registered(cluster)
    admissions = {one: admitted(main, one.login()) for one in (person, gone)}
    tickets = {one: success["ticket"] for one, (success, _) in admissions.items()}
    new = passwd(person, at=main)
    removed = user("remove", gone.username, "--yes", at=main)
    assert removed.code == 0, removed
    cluster.kill("c1")
    assert cluster.wait_for_main(but="c1") == "c2"
    at = cluster.centrals["c2"]
    assert reason(at, new.login()) == "REDIRECT"
    assert reason(at, person.login()) == "wrong_credentials"
    assert reason(at, gone.login()) == "wrong_credentials"
    for one, ticket in tickets.items():
        assert reason(at, {"command": "LOGIN", "username": one.username, "ticket": ticket}) == "ticket_revoked"
    server = next(iter(cluster.servers.values()))
    assert reason(server, person.login()) == "wrong_credentials"
    for one, (success, _) in admissions.items():
        for alternate in success["alternates"]:
            there, by_ticket = Address(alternate["hostname"], alternate["port"]), {"ticket": alternate["ticket"]}
            question = {"command": "LOGIN", "username": one.username} | by_ticket
            assert reason(there, question) == "ticket_revoked", "the new main has told the servers"

    again = Person(gone.username, somebody().secret)
    assert reason(at, again.registration()) == "REGISTER_SUCCESS"
    assert reason(at, again.login()) == "REDIRECT"
    cluster.start_central("c1")
    assert cluster.wait_until_whole() == "c2"
    cluster.kill("c2")
    assert cluster.wait_for_main(but="c2") == "c1"
    for one in (new, again):
        assert reason(main, one.login()) == "REDIRECT"
    for one in (person, gone):
        assert reason(main, one.login()) == "wrong_credentials"


def test_an_operator_sees_sets_and_removes(calm: Cluster, enter: Enter) -> None:
    backup = calm.centrals["c2"]
    person, other = registered(calm), registered(calm)
    session = enter(admitted(calm.centrals["c1"], person.login())[1], person)

    listed = user("list", "--json", at=backup)
    assert listed.code == 0, listed
    users = {one["username"]: one["sessions"] for one in map(json.loads, listed.output.splitlines())}
    assert list(users) == sorted(users)
    assert users[other.username] == 0
    assert person.username in user("list", at=backup).output

    new = Person(person.username, somebody().secret)
    variables = {**SECRET, "OYEZ_NEW_SECRET": str(new.secret)}
    changed = oyez("passwd", person.username, "--operator", "--central", str(backup), variables=variables)
    assert changed.code == 0, changed
    assert session.receive()["reason"] == "revoked"
    assert reason(backup, new.login()) == "REDIRECT"

    unsure = oyez("user", "remove", person.username, "--central", str(backup), variables=SECRET, given="n\n")
    assert unsure.code == 1
    assert reason(backup, new.login()) == "REDIRECT"
    session = enter(admitted(calm.centrals["c1"], new.login())[1], new)
    removed = user("remove", person.username, "--yes", at=backup)
    assert (removed.code, removed.output) == (0, "")
    assert "may" not in removed.output
    assert session.receive()["reason"] == "revoked"
    assert reason(backup, new.login()) == "wrong_credentials"
    assert person.username not in user("list", at=backup).output


def test_without_the_right_secret_nothing_is_done(calm: Cluster) -> None:
    main, person = calm.centrals["c1"], registered(calm)
    guess = {"OYEZ_SECRET": "a guess", "OYEZ_NEW_SECRET": "mine now"}
    for arguments in (
        ("passwd", person.username, "--operator"),
        ("user", "remove", person.username, "--yes"),
        ("user", "list"),
    ):
        outcome = oyez(*arguments, "--central", str(main), variables=guess)
        assert outcome.code == 1
        assert "the cluster secret is wrong" in outcome.errors
        assert outcome.output == ""
    wrong = {"OYEZ_USER_SECRET": "a guess", "OYEZ_NEW_SECRET": "mine now"}
    outcome = oyez("passwd", person.username, "--central", str(main), variables=wrong)
    assert (outcome.code, "username or secret is wrong" in outcome.sentence) == (1, True)
    nobody = user("remove", "nobody-of-this-name", "--yes", at=main)
    assert nobody.code == 1
    assert "there is no user nobody-of-this-name" in nobody.errors
    assert reason(main, person.login()) == "REDIRECT"


def test_the_answer_at_a_central_is_the_same_for_unknown_users(calm: Cluster) -> None:
    """Who tries names with CHANGE_SECRET learns no more than with LOGIN."""
    person = registered(calm)
    question = {"command": "CHANGE_SECRET", "secret": "a guess", "new_secret": "new"}
    answers = [ask(calm.centrals["c1"], question | {"username": name}, 10.0) for name in (person.username, "nobody")]
    assert answers[0] == answers[1]
