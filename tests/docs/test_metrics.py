"""The dashboard and the alerts name metrics that the code declares and nothing else, and are explained."""

import json
import re
from typing import Any

import yaml

from oyez.web import metrics
from oyez.web.exposition import Family
from tests.docs.markdown import DOCS, ROOT, read, sections
from tests.docs.test_operations import events

FAMILIES = {family.name: family for family in (*metrics.COMMON, *metrics.OF_SERVERS, *metrics.OF_CENTRALS)}
DASHBOARD = ROOT / "deploy" / "grafana" / "oyez.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"

OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that are there besides a metric's own."""
LEFT_OUT = {
    "oyez_backup_connected",
    "oyez_build_info",
    "oyez_central_role",
    "oyez_leaving",
    "oyez_log_retention_seconds",
    "oyez_server_lag_activities",
    "process_start_time_seconds",
}
"""Metrics that no panel needs."""


def named(expression: str) -> list[tuple[Family, set[str]]]:
    """The metrics in an expression, each with the labels that it is asked by."""
    found = []
    for name, labels in re.findall(r"\b((?:oyez|process)_\w+)(?:\{([^}]*)\})?", expression):
        family = FAMILIES.get(name) or FAMILIES[re.sub(r"_(bucket|sum|count)$", "", name)]
        assert name in FAMILIES or family.kind == "histogram", name
        found.append((family, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))))
    return found


def check(expression: str, *templates: str) -> set[str]:
    """It is about metrics and labels that there are, counters in rates alone; returns their names."""
    known = named(expression)
    for family, labels in known:
        assert labels <= OF_PROMETHEUS | set(family.labels), f"{family.name} has no such label: {expression}"
        if family.kind == "counter":
            assert re.search(rf"(rate|increase)\({family.name}\b", expression), f"{family.name} only grows"
    own = OF_PROMETHEUS.union(*[set(family.labels) for family, _ in known])
    for by in re.findall(r"(?:by|on)\s*\(([^)]*)\)", expression):
        assert {label.strip() for label in by.split(",")} <= own, expression
    for text in templates:
        assert set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text)) <= own, text
    assert all(expression.count(pair[0]) == expression.count(pair[1]) for pair in ("()", "{}", "[]"))
    return {family.name for family, _ in known}


# -- the option -----------------------------------------------------------------------------------------------------


def test_the_option_that_says_who_may_read_them_is_explained() -> None:
    for page in (DOCS / "operations.md", ROOT / "SECURITY.md"):
        assert "--metrics-for" in read(page)


# -- the dashboard --------------------------------------------------------------------------------------------------


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    shown: set[str] = set()
    dashboard = json.loads(read(DASHBOARD))
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["title"]
        assert panel["targets"]
        for target in panel["targets"]:
            shown |= check(target["expr"], target["legendFormat"])
    for annotation in dashboard["annotations"]["list"]:
        check(annotation["expr"], annotation["textFormat"])
    assert {name for name in FAMILIES if name not in shown} == LEFT_OUT


def test_its_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(read(DASHBOARD))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_it_asks_for_reports_that_there_are() -> None:
    named = set(re.findall(r'event!~\\"([^"\\]+)\\"', read(DASHBOARD)))
    patterns = {one for pattern in named for one in pattern.split("|")}
    assert patterns
    for pattern in patterns:
        assert any(re.fullmatch(pattern, event) for event in events()), pattern


# -- the alerts -----------------------------------------------------------------------------------------------------


def rules() -> dict[str, dict[str, Any]]:
    [group] = yaml.safe_load(read(ALERTS))["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def reasons() -> dict[str, list[str]]:
    [section] = [section for section in sections(read(DOCS / "operations.md")) if section.title == "Alerts"]
    [[heading, *rows]] = section.tables
    assert heading == ["alert", "why", "what to do"]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_each_alert_is_explained_and_each_that_is_explained_is_there() -> None:
    assert list(rules()) == list(reasons())
    assert [name for name, row in reasons().items() if not all(row)] == []


def test_the_alerts_are_about_metrics_that_there_are() -> None:
    for name, rule in rules().items():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, name
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        used = check(rule["expr"], rule["annotations"]["summary"])
        assert used or name == "OyezNodeDown"


def test_the_reasons_that_they_look_for_are_the_codes() -> None:
    source = "\n".join(read(path) for path in (ROOT / "src" / "oyez" / "core").rglob("*.py"))
    told = set(re.findall(r'"([a-z_]+)"', source))
    for rule in rules().values():
        for pattern in re.findall(r'reason=~?"([^"]+)"', rule["expr"]):
            for one in pattern.split("|"):
                assert any(re.fullmatch(one, reason) for reason in told), one


def test_what_they_say_of_time_is_in_the_rules() -> None:
    assert rules()["OyezNodeDown"]["for"] == "30s"
    assert rules()["OyezNotReady"]["for"] == "1m"
