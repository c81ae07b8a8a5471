"""Somebody who registers, changes, removes and registers again, one user at a time, and knows what must be so after it.

What was acknowledged is so; what was refused is not; of what ended without an answer, or as `unsettled`, either may be,
until a login tells. A keeper asks one thing at a time and gives each its time, so nothing of it can come late.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from oyez.protocol.messages import Address
from oyez.sim.connection import Connection
from oyez.sim.inspector import SECRET
from oyez.sim.world import World

Answer = dict[str, Any] | None
"""None: there was none."""

PATIENCE = 6.0
"""Seconds after which whatever was asked has happened, or never will: longer than a main keeps anybody waiting."""

NOBODY: dict[str, Any] = {"command": "", "reason": "nobody there"}
"""What stands for the answer where nothing could be asked."""

OPEN_ANSWERS = ("unsettled", "no_main", "no_server", "busy", "too_many_failures")
"""Reasons with which the answer says nothing about the user."""


class Keeper:
    """`possible` are the secrets that the user may have, None for no user. `wrong` is what can't be so; `done` counts
    what was acknowledged."""

    def __init__(self, world: World, name: str, centrals: tuple[Address, ...], seed: int, until: float) -> None:
        self.possible: set[str | None] = {None}
        self.wrong: list[str] = []
        self.done = 0
        self._world = world
        self._name = name
        self._centrals = centrals
        self._random = Random(f"{name} {seed}")
        self._until = until
        self._number = 0
        self._last: list[str] = []
        self._steps = self._forever()

    def start(self) -> None:
        """Begin, or go on, but for so long only."""
        if self._world.clock.now < self._until or len(self.possible) > 1:
            self._ask(*next(self._steps))

    # -- what it does -------------------------------------------------------------------------------------------

    def _forever(self) -> Iterator[tuple[dict[str, object], Callable[[Answer], None]]]:
        while True:
            if self.possible == {None}:
                yield self._registers()
            elif len(self.possible) > 1 or self._random.random() < 0.3:
                yield self._looks()
            else:
                yield self._random.choice((self._sets, self._sets, self._changes, self._removes))()

    def _new(self) -> str:
        self._number += 1
        return f"secret {self._number}"

    def _registers(self) -> tuple[dict[str, object], Callable[[Answer], None]]:
        secret = self._new()
        question: dict[str, object] = {"command": "REGISTER", "username": self._name, "secret": secret}
        return question, partial(self._changed, "REGISTER", None, secret, "already_registered")

    def _sets(self) -> tuple[dict[str, object], Callable[[Answer], None]]:
        new = self._new()
        question: dict[str, object] = {"command": "SET_SECRET", "secret": SECRET, "username": self._name}
        return question | {"new_secret": new}, partial(self._changed, "SET_SECRET", "any", new, "unknown_user")

    def _changes(self) -> tuple[dict[str, object], Callable[[Answer], None]]:
        [present], new = self.possible, self._new()
        question: dict[str, object] = {"command": "CHANGE_SECRET", "username": self._name, "secret": present}
        return question | {"new_secret": new}, partial(self._changed, "CHANGE_SECRET", "any", new, "wrong_credentials")

    def _removes(self) -> tuple[dict[str, object], Callable[[Answer], None]]:
        question: dict[str, object] = {"command": "REMOVE_USER", "secret": SECRET, "username": self._name}
        return question, partial(self._changed, "REMOVE_USER", "any", None, "unknown_user")

    def _looks(self) -> tuple[dict[str, object], Callable[[Answer], None]]:
        """Is this the secret? Now and then one is tried that was."""
        known = sorted(secret for secret in self.possible if secret is not None)
        if len(self.possible) == 1 and self._last and self._random.random() < 0.3:
            known = self._last
        secret = self._random.choice(known)
        return {"command": "LOGIN", "username": self._name, "secret": secret}, partial(self._looked, secret)

    # -- what must be so ----------------------------------------------------------------------------------------

    def _changed(self, command: str, before: str | None, after: str | None, not_so: str, answer: Answer) -> None:
        """It wanted the user to be `after`, who was to be somebody, or nobody, `before`; `not_so` says it was not."""
        if answer is NOBODY:
            self._next(answer)
            return
        fits = [one for one in self.possible if (one is None) == (before is None)]
        reason = "" if answer is None else str(answer.get("reason", ""))
        if answer is not None and answer["command"].endswith("_SUCCESS"):
            self._expect(bool(fits), f"{command} succeeded")
            self._last = [*self._last, *[one for one in self.possible if one is not None and one != after]][-3:]
            self.possible = {after}
            self.done += 1
        elif reason == not_so:
            left = [one for one in self.possible if one not in fits]
            self._expect(bool(left), f"{command} was refused ({reason})")
            self.possible = set(left) or self.possible
        elif fits:
            self.possible.add(after)
        self._next(answer)

    def _looked(self, secret: str, answer: Answer) -> None:
        if answer is not None and answer["command"] == "LOGIN_SUCCESS":
            self._expect(secret in self.possible, f"{secret} was right")
            self.possible = {secret}
        elif answer is not None and answer.get("reason") == "wrong_credentials":
            self._expect(self.possible != {secret}, f"{secret} was wrong")
            self.possible.discard(secret)
            self.possible = self.possible or {None}
        self._next(answer)

    def _expect(self, right: bool, what: str) -> None:
        if not right:
            now, possible = self._world.clock.now, sorted(map(str, self.possible))
            self.wrong.append(f"{self._name} at {now:.3f}: {what}, where {possible} was possible")

    def _next(self, answer: Answer) -> None:
        open_still = answer is not None and answer.get("reason") in OPEN_ANSWERS
        self._world.clock.after(PATIENCE if open_still else self._random.uniform(0.01, 0.3), self.start)

    # -- asking -------------------------------------------------------------------------------------------------

    def _ask(self, question: dict[str, object], then: Callable[[Answer], None]) -> None:
        Question(self._world, self._name, self._random.choice(self._centrals), question, then)


class Question:
    """One, to whichever central the first one sends it on to."""

    def __init__(
        self,
        world: World,
        name: str,
        central: Address,
        question: dict[str, object],
        then: Callable[[Answer], None],
    ) -> None:
        self._world = world
        self._name = name
        self._line = json.dumps(question).encode() + b"\n"
        self._then = then
        self._redirects = 0
        self._answered = False
        self._dial(central)
        world.clock.after(PATIENCE, self._give_up)

    def _dial(self, central: Address) -> None:
        self._connection = connection = Connection(self._world.clock, self._world.random, self._hears, self._over)
        connection.dial(self._world.network, self._name, central, self._connected, self._failed)

    def _connected(self, connection: Connection) -> None:
        connection.write(self._line)

    def _hears(self, connection: Connection, line: bytes) -> None:
        message = json.loads(line)
        if connection is not self._connection or self._answered:
            return
        if message["command"] == "REDIRECT" and self._redirects < 3:
            self._redirects += 1
            self._dial(Address(message["hostname"], message["port"]))
            connection.close()
        else:
            self._answer(message)

    def _over(self, connection: Connection, by: str, why: str) -> None:
        if connection is self._connection:
            self._answer(None)

    def _failed(self, connection: Connection, why: str) -> None:
        if connection is self._connection:
            self._answer(NOBODY)

    def _give_up(self) -> None:
        self._answer(None)

    def _answer(self, answer: Answer) -> None:
        if not self._answered:
            self._answered = True
            self._connection.abort()
            self._then(answer)
