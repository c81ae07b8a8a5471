"""The way of an activity through servers, for those who ask for it; nothing for all others."""

import pytest

from oyez.core import tickets
from oyez.core.server.trace import Trace
from oyez.log import Chunk
from tests.core.servers import Serving, from_peer, holds, listing, post, ready


def way(server: Serving) -> list[tuple[str, object, object, object]]:
    events = ("accepted", "held", "shown")
    return [(event, run["origin"], run["first"], run["last"]) for event in events for run in server.reported(event)]


def traced(*others: str) -> Serving:
    server = Serving(traced=True)
    server.joins(*[listing(id) for id in others])
    return server


def test_what_is_posted_is_accepted_and_shown_one_report_a_turn() -> None:
    server, _ = ready(traced=True)
    bob = server.logs_in("bob")
    bob.says(*[post("bob", str(number)) for number in range(5)])
    bob.says(post("bob", "more"))
    assert way(server) == [
        ("accepted", "m.1", 1, 5),
        ("accepted", "m.1", 6, 6),
        ("shown", "m.1", 1, 5),
        ("shown", "m.1", 6, 6),
    ]


def test_what_waits_for_a_copy_is_shown_when_it_is_there() -> None:
    server = traced("a")
    peer = server.linked_from("a")
    bob = server.logs_in("bob")
    bob.says(post("bob", "hello"))
    assert way(server) == [("accepted", "m.1", 1, 1)]
    holds(peer, 1)
    assert way(server)[1:] == [("shown", "m.1", 1, 1)]


def test_what_comes_from_another_server_is_held_and_shown() -> None:
    server = traced("a")
    peer = server.linked_from("a")
    peer.says(from_peer("a", 1, "one") + from_peer("a", 2, "two"))
    assert way(server) == [("held", "a.1", 1, 2), ("shown", "a.1", 1, 2)]


def test_who_does_not_ask_is_told_nothing() -> None:
    server, _ = ready()
    server.logs_in("bob").says(post("bob", "hello"))
    assert server.role.origin.sequence == 1
    assert way(server) == []


def test_runs_end_where_something_is_missing_or_another_origin_has_none_between() -> None:
    trace = Trace()
    trace.shown = [Chunk("a.1", 1, 2, b""), Chunk("b.1", 7, 1, b""), Chunk("a.1", 3, 1, b""), Chunk("a.1", 5, 1, b"")]
    runs = [(report.fields["origin"], report.fields["first"], report.fields["last"]) for report in trace.reports()]  # type: ignore[union-attr]
    assert runs == [("a.1", 1, 3), ("b.1", 7, 7), ("a.1", 5, 5)]
    assert trace.reports() == []


# -- logins ---------------------------------------------------------------------------------------------------------


def test_a_login_is_called_the_same_by_who_signs_the_ticket_and_who_only_carries_it() -> None:
    ticket = tickets.Ticket("bob", "server:s1", 1.0, "0123456789abcdef01234567")
    assert tickets.login_of(tickets.sign(b"key", 1, ticket)) == tickets.login(ticket.nonce) == "01234567"
    assert tickets.login(None) == ""


@pytest.mark.parametrize("text", [None, "", "1", "1.x.y", "1.AAAA.y", "permit", "..", "1.\xff.x"])
def test_what_is_no_ticket_has_no_login(text: str | None) -> None:
    assert tickets.login_of(text) == ""
