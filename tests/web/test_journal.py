"""What a central remembers of what happened: bounded, numbered, and nothing that is nobody's business."""

import re
from pathlib import Path

from oyez.web.journal import KEPT, KINDS, TERMS, Journal

CORE = Path(__file__).resolve().parents[2] / "src" / "oyez" / "core"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def journal() -> Journal:
    return Journal(Clock())


def names(journal: Journal, after: int = 0) -> list[str]:
    return [event.event for event in journal.after(journal.began, after)]


def test_each_event_has_its_time_its_number_and_its_fields() -> None:
    clock = Clock()
    journal = Journal(clock)
    journal.report("server_joined", {"server": "s1", "address": "host:1"})
    clock.now += 5
    journal.report("server_lost", {"server": "s1"})
    first, second = journal.after(0, 0)
    assert (first.number, first.at, first.event) == (1, 1_700_000_000.0, "server_joined")
    assert (second.number, second.at, second.fields) == (2, 1_700_000_005.0, {"server": "s1"})


def test_what_is_not_of_the_network_is_not_kept() -> None:
    log = journal()
    log.report("registered", {"username": "alice", "term": 1})
    log.report("placed", {"username": "alice", "server": "s1", "link": 3})
    assert names(log) == []


def test_of_an_event_only_the_fields_that_are_named_are_kept() -> None:
    log = journal()
    log.report("server_lost", {"server": "s1", "username": "alice"})
    assert log.after(0, 0)[0].fields == {"server": "s1"}
    assert not {"username", "usernames", "secret", "info"} & {field for fields in KINDS.values() for field in fields}


def test_every_kind_is_a_report_of_a_role_and_has_these_fields() -> None:
    reports = "\n".join(path.read_text() for path in CORE.rglob("*.py"))
    for kind, fields in KINDS.items():
        (found,) = set(re.findall(rf'Report\(\s*"{kind}", {{([^}}]*)}}', reports))
        assert set(fields) <= set(re.findall(r'"(\w+)":', found)), kind


def test_it_keeps_the_newest() -> None:
    log = journal()
    for number in range(KEPT + 10):
        log.report("server_lost", {"server": f"s{number}"})
    events = log.after(0, 0)
    assert len(events) == KEPT
    assert events[0].number == 11
    assert events[-1].fields == {"server": f"s{KEPT + 9}"}


def test_who_asks_again_gets_what_is_new() -> None:
    log = journal()
    log.report("server_lost", {"server": "s1"})
    log.report("server_removed", {"server": "s1"})
    assert names(log, after=1) == ["server_removed"]
    assert names(log, after=2) == []


def test_who_has_another_journal_gets_all() -> None:
    log = journal()
    log.report("server_lost", {"server": "s1"})
    assert [event.number for event in log.after(log.began - 1, 50)] == [1]


def test_the_many_parts_of_a_drain_are_one_event() -> None:
    log = journal()
    log.report("draining", {"server": "s1"})
    for _ in range(3 * KEPT):
        log.report("moved", {"server": "s1", "sessions": 10})
    draining, moved = log.after(0, 0)
    assert draining.event == "draining"
    assert (moved.first, moved.number, moved.fields["sessions"]) == (2, 3 * KEPT + 1, 30 * KEPT)


def test_who_has_seen_a_part_of_it_is_given_all_of_it_again() -> None:
    log = journal()
    log.report("moved", {"server": "s1", "sessions": 10})
    log.report("moved", {"server": "s1", "sessions": 5})
    (moved,) = log.after(log.began, 1)
    assert (moved.first, moved.fields["sessions"]) == (1, 15)


def test_moves_from_another_server_are_another_event() -> None:
    log = journal()
    log.report("moved", {"server": "s1", "sessions": 10})
    log.report("moved", {"server": "s2", "sessions": 5})
    assert [event.fields["sessions"] for event in log.after(0, 0)] == [10, 5]


def test_it_knows_who_was_main_in_each_term() -> None:
    log = journal()
    log.report("following", {"main": "host:1", "term": 3})
    log.report("main_lost", {"central": "host:1"})
    log.report("following", {"main": "host:1", "term": 3})
    log.report("elected", {"term": 4, "central": "c2"})
    assert [(reign.term, reign.main) for reign in log.terms] == [(3, "host:1"), (4, "c2")]


def test_it_keeps_the_newest_terms() -> None:
    log = journal()
    for term in range(1, TERMS + 6):
        log.report("elected", {"term": term, "central": "c2"})
    assert [reign.term for reign in log.terms] == list(range(6, TERMS + 6))


def test_a_log_behind_it_hears_everything() -> None:
    log, heard = journal(), list[str]()
    report = log.before(lambda event, fields: heard.append(event))
    report("registered", {"username": "alice", "term": 1})
    report("server_lost", {"server": "s1"})
    assert heard == ["registered", "server_lost"]
    assert names(log) == ["server_lost"]
