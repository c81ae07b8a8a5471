"""The text format in which Prometheus reads metrics, written anew at each scrape.

A writer of our own, and no library: what there is to be told is read from the node's state at that moment, so nothing
has to be registered, counted twice or locked, and the format is a dozen lines (version 0.0.4). Guarantees: a family is
described once and its samples stand together, whatever the order in which they come. Must not know: a node.
"""

from dataclasses import dataclass

from oyez.host.measures import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Family:
    """A metric: `kind` is counter, gauge or histogram; each sample has a value for each of `labels`. `about` is one
    sentence without a full stop."""

    name: str
    kind: str
    about: str
    labels: tuple[str, ...] = ()


class Page:
    """What is told at one scrape."""

    def __init__(self) -> None:
        self._lines: dict[Family, list[str]] = {}

    def add(self, family: Family, value: float, *labels: str) -> None:
        """One sample."""
        named = _named(zip(family.labels, labels, strict=True))
        self._lines.setdefault(family, []).append(f"{family.name}{named} {_number(value)}")

    def add_histogram(self, family: Family, histogram: Histogram) -> None:
        """All samples of a histogram."""
        lines, below = self._lines.setdefault(family, []), 0
        for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
            below += count
            lines.append(f'{family.name}_bucket{{le="{_number(bound)}"}} {below}')
        lines += [f"{family.name}_sum {_number(histogram.total)}", f"{family.name}_count {below}"]

    def serialize(self) -> bytes:
        """As it travels."""
        text = []
        for family, lines in self._lines.items():
            text += [f"# HELP {family.name} {family.about}.", f"# TYPE {family.name} {family.kind}", *lines]
        return ("\n".join(text) + "\n").encode()


def _named(labels: "zip[tuple[str, str]]") -> str:
    text = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{text}}}" if text else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
