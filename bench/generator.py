"""Drives a load generator: starts it on the load core, follows its events, gives the word to go.

Knows the generators' way of talking (one JSON event a line: progress, ready, warm, result) and their command lines.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bench.build import program
from bench.errors import BenchError
from bench.line import Address
from bench.machine import LOAD_CORE, on_core
from bench.peers.base import Speech, Step

OnProgress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Plan:
    """What the load generator is to do. Message counts are per publisher.

    With `seconds`, no numbers of messages are given: it publishes for so long, after a warm-up of a quarter of that.
    Where the server does not gather (see Speech) the window then opens from 1, twice as wide each time it was finished
    within 1/4 s: it has no more under way than it delivers in about half a second.
    """

    subscribers: int
    publishers: int = 1
    messages: int = 0
    warmup: int = 0
    window: int = 1
    """Unfinished messages per publisher; 1 is one message at a time."""
    window_at_echo: bool = False
    """A message is finished when its publisher has it back; otherwise, when everyone has it."""
    rate: int = 0
    """Messages per second of all publishers together; 0: as the window allows."""
    latency: bool = False
    patience: int = 20
    """Seconds without a delivery after which the run ends with what it has."""
    seconds: float = 0.0


class Generator:
    """One run of a generator. Leaving its `with` block ends it."""

    def __init__(self, command: list[str], on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        with on_core(LOAD_CORE):
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.communicate()

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next event of this kind. Raises BenchError when the generator ends before it."""
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        for line in self._child.stdout:
            heard: dict[str, Any] = json.loads(line)
            if heard["event"] == event:
                return heard
            if heard["event"] == "progress":
                self._on_progress(heard)
        raise BenchError(f"the load generator gave up: {self._child.stderr.read().strip()}")

    def wait_for_end(self) -> None:
        """Until it has ended by itself, having written what it writes last."""
        self._child.communicate()

    def go_first(self) -> None:
        """Where this user may: it goes before everything else on its core, so that it times others, and not its own
        waiting."""
        with suppress(PermissionError):
            os.sched_setscheduler(self._child.pid, os.SCHED_RR, os.sched_param(1))

    def go(self) -> None:
        self.say("go")

    def say(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n")

    def ask(self, line: str, event: str) -> dict[str, Any]:
        """Say this, and wait for the event that answers it."""
        self.say(line)
        return self.wait_for(event)


def clients_command(centrals: str, *, clients: int, senders: int, rate: float, receive: bool) -> list[str]:
    """The command line of bench/clients.py: library clients, of which some post `rate` messages a second in all."""
    numbers = {"clients": clients, "senders": senders, "rate": rate, "receive": int(receive)}
    words = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "bench.clients", "--centrals", centrals, *words]


def load_command(plan: Plan, speech: Speech, *addresses: Address) -> list[str]:
    """The command line of bench/load.c; its connections take turns through the addresses."""
    numbers = {
        "subscribers": plan.subscribers,
        "publishers": plan.publishers,
        "messages": plan.messages,
        "warmup": plan.warmup,
        "milliseconds": round(plan.seconds * 1000),
        "window": plan.window,
        "window-at-echo": int(plan.window_at_echo),
        "rate": plan.rate,
        "latency": int(plan.latency),
        "patience": plan.patience,
        "publishers-receive": int(speech.publishers_receive),
        "opening-window": int(not speech.gathers),
    }
    command = [program("load"), "--message", speech.message.hex()]
    for host, port in addresses:
        command += ["--address", f"{host}:{port}"]
    for name, value in numbers.items():
        command += [f"--{name}", str(value)]
    return command + opening("subscriber", speech.subscriber) + opening("publisher", speech.publisher)


def opening(role: str, steps: tuple[Step, ...]) -> list[str]:
    words = []
    for step in steps:
        words += [f"--{role}-send", step.send.hex(), f"--{role}-wait", step.wait.hex()]
    return words
