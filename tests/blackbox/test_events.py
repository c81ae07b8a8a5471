"""Server-sent events from running nodes, to readers that know nothing of Oyez."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import Dial, registered
from tests.blackbox.people import ANONYMOUS, Person, log_in
from tests.blackbox.processes import Network
from tests.blackbox.web import FEED, Feed, Refused, ask
from tests.blackbox.wire import Address, Peer

BACK = 60.0
"""Seconds in which a reader has found the feed again."""


def joined(dial: Dial, address: Address, person: Person = ANONYMOUS) -> Peer:
    peer = dial(address)
    log_in(peer, person)
    return peer


def basic(person: Person, secret: str | None = None) -> dict[str, str]:
    text = f"{person.username}:{secret or person.secret}"
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def again(feed: Callable[[], Feed]) -> Feed:
    """As EventSource does: until somebody answers."""
    deadline = time.monotonic() + BACK
    while True:
        try:
            return feed()
        except (OSError, Refused):
            assert time.monotonic() < deadline, "nobody gives the feed"
            time.sleep(0.1)


# -- through the known address --------------------------------------------------------------------------------------


def test_a_reader_asks_at_the_central_and_gets_what_is_posted_anywhere(network: Network, dial: Dial) -> None:
    with Feed(network.central) as feed:
        assert feed.address in network.servers.values()
        for number, address in enumerate(network.servers.values()):
            sender = joined(dial, address)
            sender.send(ANONYMOUS.post({"events": number}))
            assert feed.activity() == {"authenticated_user": "anonymous", "events": number}


def test_a_reader_goes_on_at_another_server_where_it_left_off(network: Network, dial: Dial) -> None:
    first, second = network.servers.values()
    sender = joined(dial, first)
    with Feed(first) as feed:
        for number in range(10):
            sender.send(ANONYMOUS.post({"on": number}))
        read = [feed.activity() for _ in range(4)]
    with Feed(second, feed.last) as feed:
        read += [feed.activity() for _ in range(6)]
    assert [activity["on"] for activity in read if activity] == list(range(10))


def test_a_reader_whose_server_is_killed_gets_everything_once(private_network: Network, dial: Dial) -> None:
    """What it has not read when the server dies, and what is posted before it is back."""
    feed = Feed(private_network.central)
    name = next(name for name, address in private_network.servers.items() if address == feed.address)
    survivor = next(address for address in private_network.servers.values() if address != feed.address)
    doomed, safe = joined(dial, feed.address), joined(dial, survivor)
    posted = 0
    for _ in range(30):
        posted += 1
        doomed.send(ANONYMOUS.post({"of": "doomed", "n": posted}))
        safe.send(ANONYMOUS.post({"of": "safe", "n": posted}))
    read = [feed.activity() for _ in range(25)]
    private_network.kill(name)
    while (activity := feed.activity()) is not None:  # what was on its way already
        read.append(activity)
    feed.close()
    for _ in range(30):
        posted += 1
        safe.send(ANONYMOUS.post({"of": "safe", "n": posted}))
    last = feed.last
    feed = again(lambda: Feed(private_network.central, last))
    assert feed.address == survivor
    while not read or read[-1] != {"authenticated_user": "anonymous", "of": "safe", "n": posted}:
        activity = feed.activity()
        assert activity is not None, "the stream has ended"
        read.append(activity)
    feed.close()
    of = {who: [one["n"] for one in read if one and one["of"] == who] for who in ("doomed", "safe")}
    assert of["safe"] == list(range(1, posted + 1))
    assert of["doomed"] == list(range(1, len(of["doomed"]) + 1))


def test_a_reader_of_a_server_that_leaves_is_told_where_to_go_on(private_network: Network, dial: Dial) -> None:
    leaving, staying = private_network.servers["s1"], private_network.servers["s2"]
    sender = joined(dial, staying)
    with Feed(leaving) as feed:
        for number in range(5):
            sender.send(ANONYMOUS.post({"n": number}))
        read = [feed.activity() for _ in range(5)]
        private_network.stop("s1")
        event = feed.next()
        assert event is not None
        there = json.loads(event.data)
        assert (event.kind, there) == ("redirect", {"hostname": staying.hostname, "port": staying.port})
        assert feed.next() is None
    for number in range(5, 10):
        sender.send(ANONYMOUS.post({"n": number}))
    with Feed(Address(there["hostname"], there["port"]), feed.last) as feed:
        read += [feed.activity() for _ in range(5)]
    assert [activity["n"] for activity in read if activity] == list(range(10))


def test_a_gap_is_an_event(tmp_path: Path, dial: Dial) -> None:
    with Network(tmp_path, servers=1, server_options=("--retention", "64KiB")) as network:
        server = network.servers["s1"]
        sender = joined(dial, server)
        with Feed(server) as feed:
            sender.send(ANONYMOUS.post({"n": 0}))
            assert feed.activity()
        for number in range(1, 40):
            sender.send(ANONYMOUS.post({"n": number, "content": "x" * 8000}))
            sender.expect_activity()
        with Feed(server, feed.last) as feed:
            kinds = [event.kind for _ in range(3) if (event := feed.next()) is not None]
        assert "gap" in kinds


# -- who may read ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Nobody without a name."""
    with Network(tmp_path_factory.mktemp("private"), servers=1, central_options=("--no-anonymous",)) as network:
        yield network


def test_without_a_name_there_is_no_feed_where_there_is_no_anonymous(private: Network) -> None:
    with pytest.raises(Refused) as refused:
        Feed(private.central)
    assert refused.value.answer.status == 401
    assert refused.value.answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert "anonymous_off" in refused.value.answer.body


def test_with_a_name_and_its_secret_there_is_one(private: Network, dial: Dial) -> None:
    person = registered(private, "reader")
    sender = joined(dial, private.servers["s1"], person)
    with Feed(private.servers["s1"], headers=basic(person)) as feed:
        sender.send(person.post({"n": 1}))
        assert feed.activity() == {"authenticated_user": person.username, "n": 1}


def test_with_a_wrong_secret_there_is_none(private: Network) -> None:
    person = registered(private, "reader")
    with pytest.raises(Refused) as refused:
        Feed(private.servers["s1"], headers=basic(person, "wrong"))
    assert refused.value.answer.status == 401
    assert person.username not in refused.value.answer.body


def test_the_feed_may_be_switched_off(tmp_path: Path) -> None:
    options = ("--no-feed",)
    with Network(tmp_path, servers=1, central_options=options, server_options=options) as network:
        for address in (network.central, network.servers["s1"]):
            assert ask(address, FEED).status == 404
            assert ask(address, "/healthz").status == 200
