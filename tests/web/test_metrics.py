"""What a node tells Prometheus is its state, in a form that Prometheus' own parser reads."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from oyez.core.peer import From
from oyez.host.measures import Histogram
from oyez.protocol import messages as m
from oyez.web import access, metrics
from oyez.web.access import Access
from oyez.web.exposition import Family, Page
from oyez.web.site import Offer
from tests.core.council import founded
from tests.core.nodes import Node
from tests.core.servers import Serving, from_peer, holds, listing, post, ready
from tests.web.pages import Pages

Samples = dict[tuple[str, ...], float]
SOMEWHERE = From("192.0.2.7", loopback=False, verified=True)


def samples(text: str) -> Samples:
    """By name, and the values of the labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(node: Node, pages: Pages | None = None) -> Samples:
    status, text = (pages or Pages(node)).get("/metrics")
    assert status == 200
    return samples(text)


# -- the format -----------------------------------------------------------------------------------------------------


def test_whatever_a_label_says_it_is_read_again() -> None:
    page, family = Page(), Family("a_total", "counter", "Something", ("one", "two"))
    page.add(family, 1.5, 'a "quoted" \\ back\nslash', "plain")
    page.add(family, 12345678901234, "", "ø")
    found = samples(page.serialize().decode())
    assert found == {("a_total", 'a "quoted" \\ back\nslash', "plain"): 1.5, ("a_total", "", "ø"): 12345678901234}


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    page, histogram = Page(), Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(seconds)
    page.add_histogram(Family("t_seconds", "histogram", "Times"), histogram)
    found = samples(page.serialize().decode())
    assert [found["t_seconds_bucket", bound] for bound in ("0.1", "1", "+Inf")] == [2, 3, 4]
    assert found["t_seconds_sum",] == pytest.approx(7.65)
    assert found["t_seconds_count",] == histogram.count == 4


def test_names_are_those_of_prometheus_conventions() -> None:
    families = (*metrics.COMMON, *metrics.OF_SERVERS, *metrics.OF_CENTRALS)
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.kind != "histogram" or family.name.endswith("_seconds")
        assert not family.about.endswith(".")


# -- what is told ---------------------------------------------------------------------------------------------------


def test_all_that_a_node_tells_is_declared_and_each_is_described_once() -> None:
    both = founded("b", "st")
    for name, own in (("m", metrics.OF_CENTRALS), ("b", metrics.OF_CENTRALS), ("s", metrics.OF_SERVERS)):
        _, text = Pages(both.members[name]).get("/metrics")
        heads = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
        declared = [family.name for family in (*metrics.COMMON, *own)]
        assert len(heads) == len(set(heads))
        assert set(heads) <= set(declared)
        assert [head for head in declared if head in heads] == heads


def test_a_server_tells_what_was_posted_and_delivered() -> None:
    server, _ = ready()
    bob, _eve = server.logs_in("bob"), server.logs_in("eve")
    before = len(bob.sent)
    bob.says(*[post("bob", str(number)) for number in range(3)])
    found = told(server)
    size = len(bob.sent) - before
    assert found["oyez_activities_accepted_total",] == 3
    assert found["oyez_deliveries_total",] == 6
    assert found["oyez_accepted_bytes_total",] == found["oyez_shown_bytes_total",] == size
    assert found["oyez_delivered_bytes_total",] == 2 * size
    assert found["oyez_log_bytes", "merged"] == found["oyez_log_bytes", "origin"] == size
    assert found["oyez_log_retention_bytes",] == 1_000_000
    assert found["oyez_sessions", "lines"] == 2
    assert (found["oyez_readers_behind",], found["oyez_central_connected",], found["oyez_ready",]) == (0, 1, 1)


def test_who_reads_too_slowly_is_counted_and_what_it_was_not_given_is_not() -> None:
    server, _ = ready(patience=5.0)
    bob, slow = server.logs_in("bob"), server.logs_in("slow")
    slow.stops_reading(after=10)
    bob.says(post("bob", "x" * 1000))
    found = told(server)
    assert found["oyez_readers_behind",] == 1
    assert found["oyez_deliveries_total",] == 1
    assert found["oyez_delivered_bytes_total",] == found["oyez_shown_bytes_total",] + 10


def test_reports_are_counted_by_what_they_say() -> None:
    server, _ = ready()
    pages = Pages(server)
    for reason in ("slow_consumer", "slow_consumer", "full"):
        pages.measures.report("refused", {"reason": reason, "command": "INVALID_MESSAGE"})
    pages.measures.report("gap", {"links": 7, "ranges": 1})
    pages.measures.report("turned_away", {"reason": "too_many_links", "address": "192.0.2.1"})
    pages.measures.report("session_opened", {"username": "bob"})
    found = told(server, pages)
    assert found["oyez_refusals_total", "slow_consumer"] == found["oyez_slow_consumers_closed_total",] == 2
    assert found["oyez_refusals_total", "full"] == found["oyez_turned_away_total", "too_many_links"] == 1
    assert found["oyez_gaps_told_total",] == 7
    assert found["oyez_sessions_opened_total",] == found["oyez_events_total", "session_opened"] == 1
    _, text = pages.get("/metrics")
    assert "bob" not in text
    assert "192.0.2.1" not in text


def test_what_others_lack_is_a_lag() -> None:
    server = Serving()
    server.joins(listing("a"), listing("b"))
    near, far = server.linked_from("a"), server.linked_from("b")
    server.logs_in("bob").says(*[post("bob", str(number)) for number in range(4)])
    found = told(server)
    assert (found["oyez_unshown_activities",], found["oyez_uncopied_activities",]) == (4, 4)
    holds(near, 3)
    found = told(server)
    assert (found["oyez_peer_lag_activities", "a"], found["oyez_peer_lag_activities", "b"]) == (1, 4)
    assert found["oyez_uncopied_activities",] == 4
    far.hangs_up()
    found = told(server)
    assert (found["oyez_peer_connected", "a"], found["oyez_peer_connected", "b"]) == (1, 0)
    assert found["oyez_ready",] == 0


def test_what_came_from_others_is_shown_and_not_accepted() -> None:
    server = Serving()
    server.joins(listing("a"))
    server.linked_from("a").says(from_peer("a", 1, "one"))
    found = told(server)
    assert found["oyez_activities_accepted_total",] == 0
    assert found["oyez_shown_bytes_total",] == len(from_peer("a", 1, "one"))


def test_a_main_and_its_backup() -> None:
    all = founded("b", "st")
    main, backup = told(all.members["m"]), told(all.members["b"])
    assert (main["oyez_is_main",], backup["oyez_is_main",]) == (1, 0)
    assert main["oyez_can_acknowledge",] == main["oyez_ready",] == backup["oyez_ready",] == 1
    assert (main["oyez_central_role", "main"], backup["oyez_central_role", "backup"]) == (1, 1)
    assert main["oyez_term",] == backup["oyez_term",] == told(all.members["s"])["oyez_term",]
    assert main["oyez_voters",] == main["oyez_voters_connected",] == 4
    assert main["oyez_backup_connected", "c-b"] == main["oyez_central_in_sync", "c-b"] == 1
    assert main["oyez_backup_lag_entries", "c-b"] == 0
    assert main["oyez_server_ready", "s"] == main["oyez_server_ready", "t"] == 1
    assert main["oyez_directory_entries",] == main["oyez_directory_committed",] > 0
    assert ("oyez_server_ready", "s") not in backup  # only the main's word counts


def test_a_main_without_voters_cannot_acknowledge() -> None:
    all = founded("b", "st")
    all.kill("b", "s", "t")
    main = told(all.members["m"])
    assert (main["oyez_is_main",], main["oyez_can_acknowledge",], main["oyez_voters_connected",]) == (1, 0, 1)
    assert main["oyez_backup_connected", "c-b"] == 0


def test_what_is_registered_is_counted() -> None:
    central = founded().members["m"]
    pages = Pages(central)
    assert told(central, pages)["oyez_users",] == 0
    central.connect().says(m.Register("bob", "secret of bob"))
    central.settle()
    assert told(central, pages)["oyez_users",] == 1


# -- for whom -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address", "allowed"),
    [
        ("any", "192.0.2.7", True),
        ("local", "192.0.2.7", False),
        ("local", "127.0.0.1", True),
        ("none", "127.0.0.1", False),
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "127.0.0.1", True),
        ("192.0.2.0/24", "::ffff:192.0.2.7", True),
        ("192.0.2.0/24", "198.51.100.1", False),
        ("10.0.0.1, 2001:db8::/32", "2001:db8::7", True),
        ("10.0.0.1,2001:db8::/32", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("192.0.2.0/24", "", False),
    ],
)
def test_who_may_read_them(text: str, address: str, allowed: bool) -> None:
    assert access.parse(text).allows(From.at(address)) == allowed


@pytest.mark.parametrize("text", ["", "everybody", "10.0.0.0/33", "10.0.0.1/8", "any,10.0.0.0/8"])
def test_what_says_nobody_clearly(text: str) -> None:
    with pytest.raises(ValueError, match="is not any, local, none"):
        access.parse(text)


def test_who_may_not_is_told_so_and_gets_everything_else() -> None:
    server, _ = ready()
    pages = Pages(server, Offer(metrics=Access(anybody=False)))
    status, text = pages.get("/metrics", SOMEWHERE)
    assert (status, "192.0.2.7" in text, "oyez_" in text) == (403, True, False)
    assert pages.get("/metrics")[0] == pages.get("/readyz", SOMEWHERE)[0] == 200


def test_where_there_are_none_there_is_no_page() -> None:
    server, _ = ready()
    assert Pages(server, Offer(metrics=access.parse("none"))).get("/metrics")[0] == 404
