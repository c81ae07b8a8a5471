"""The nodes' logs: structlog to standard error, for people on a terminal, as JSON lines elsewhere.

What a role reports is an event with fields; here it gets its level. Guarantees: a log that nobody reads (its pipe is
closed or full, its terminal is paused) never stops a node. Must not know: what the events mean beyond how much they
matter. structlog is imported by those who log, because it takes longer than all the rest of a short command.
"""

import logging
import os
import select
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.core.limits.buckets import Buckets, Rate

if TYPE_CHECKING:
    from structlog.typing import Processor


class Format(StrEnum):
    """How a log is written."""

    AUTO = "auto"
    HUMAN = "human"
    JSON = "json"


class Level(StrEnum):
    """What is logged: this, and what matters more."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


LogFormat = Annotated[
    Format,
    typer.Option(help="How to log, to standard error. auto: for people on a terminal, JSON lines elsewhere."),
]
LogLevel = Annotated[Level, typer.Option(help="The least important events to log.")]

_MANY = frozenset(
    {
        "accepted",
        "held",
        "nothing_said",
        "placed",
        "registered",
        "rehashed",
        "session_closed",
        "session_opened",
        "shown",
    }
)
"""Events that come with each client, or each turn: they would fill a log."""

_TROUBLE = frozenset(
    {
        "accepting_paused",
        "backup_lost",
        "backup_silent",
        "cannot_acknowledge",
        "cannot_dial",
        "central_silent",
        "certificate_ends",
        "certificate_refused",
        "damaged_hash",
        "identity_not_reloaded",
        "insecure_plaintext",
        "main_lost",
        "not_ready_yet",
        "not_welcome",
        "outbox_overflow",
        "peer_refuses",
        "peer_stalled",
        "server_lost",
        "server_removed",
        "stepped_down",
        "unacknowledged_discarded",
    }
)


_FAILURE = frozenset({"certificate_ended"})
"""Events without whose end something does not work any more."""

_BY_STRANGERS = frozenset(
    {
        "nothing_said",
        "outbox_overflow",
        "peer_complained",
        "refused",
        "slowed",
        "tls_broken",
        "tls_refused",
        "tls_required",
        "turned_away",
    }
)
"""Events that anybody who can connect may cause as often as they like."""

_thinned = Buckets(Rate(10.0, 50.0))
_left_out: Counter[str] = Counter()

_least = logging.DEBUG
"""What matters less is not logged."""


def configure(format: Format, level: Level, node: str) -> None:
    """Set up structlog for this process. JSON lines carry the name of the `node`; people know what they started."""
    import structlog

    global _least
    _least = logging.getLevelNamesMapping()[level.upper()]
    human = format == Format.HUMAN or (format == Format.AUTO and sys.stderr.isatty())
    out = _Logger()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
            *(_human() if human else _json()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_least),
        logger_factory=lambda *_: out,
        cache_logger_on_first_use=True,
    )
    if not human:
        structlog.contextvars.bind_contextvars(node=node)


def report(event: str, fields: Mapping[str, object]) -> None:
    """Log what a role reports; of what strangers can bring about in any number, a few each second."""
    import structlog

    level = _level(event)
    if level < _least:  # asked first: most come with each client, and nobody wants to read them
        return
    if event in _BY_STRANGERS:
        if _thinned.take(time.monotonic(), event):
            _left_out[event] += 1
            return
        if left_out := _left_out.pop(event, 0):
            fields = {**fields, "left_out": left_out}
    structlog.get_logger().log(level, event, **fields)


def _level(event: str) -> int:
    if event in _FAILURE:
        return logging.ERROR
    if event in _TROUBLE:
        return logging.WARNING
    return logging.DEBUG if event in _MANY else logging.INFO


def _human() -> "list[Processor]":
    import structlog

    colours = (sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))) and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=20, exception_formatter=plain)]


def _json() -> "list[Processor]":
    import structlog

    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


class StandardError:
    """Writes each line at once, or not at all where that would block: a reader that sleeps must not stop a node.

    `skipped` counts the lines since the last one that was written.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._poll: select.poll | None = None
        with suppress(OSError, ValueError):  # no descriptor: a test has put something else there
            descriptor = sys.stderr.fileno()
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)

    def write(self, line: str) -> bool:
        """Whether it was written."""
        if self._poll is not None and not self._poll.poll(0):
            self.skipped += 1
            return False
        with suppress(OSError):  # nobody will ever read it
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        return True


class _Logger:
    """What structlog gives its lines to."""

    def __init__(self) -> None:
        self._out = StandardError()

    def msg(self, line: str) -> None:
        """One line, at any level."""
        if self._out.write(line) and self._out.skipped:
            import structlog

            skipped, self._out.skipped = self._out.skipped, 0
            structlog.get_logger().warning("log_lines_skipped", count=skipped)

    debug = info = warning = error = critical = exception = log = msg
