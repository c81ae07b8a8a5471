"""How many sessions should move away from which server, and where to (DESIGN section 4 and promise 6, ADR 9.8).

Told about loads, it asks. Guarantees: it begins only when loads differ by more than max(1, 10 %), and goes on until
they differ by 1 at most; it never takes from a server below the mean, rounded down, and gives to the one that has
least, which stays at the mean, rounded up, or below: so there is no to and fro, and an end.
Knows neither sessions nor links.
"""

from collections.abc import Mapping

THRESHOLD = 0.1
"""Part of the mean by which loads may differ, or by 1 where that is more."""

PACE = 20
"""A second's part of all sessions that may be asked for: a twentieth."""

LEAST_PACE = 20
"""Sessions that may be asked for in a second in any case."""

BATCH = 200
"""Most sessions in one question: the answer, and what follows from it, are one line each."""

SETTLED = 2.0
"""Seconds since the last change of the servers after which loads are looked at: who has lost a server is on the way."""

UNANSWERED = 3.0
"""Seconds after which a question is taken to be lost."""


class Balance:
    """Of one main. One question at a time for each server."""

    def __init__(self) -> None:
        self.active = False
        self._asked: dict[str, tuple[float, int]] = {}  # when, and for how many
        self._servers: frozenset[str] = frozenset()
        self._changed = 0.0
        self._second = 0.0  # when it began
        self._left = 0  # of what may be asked for in it

    def questions(self, now: float, loads: Mapping[str, int]) -> dict[str, int]:
        """How many sessions to ask which server for. `loads` are those of all servers that may be given sessions: who
        is there or on the way, without who is about to leave."""
        self._look(now, loads)
        if not self.active:
            return {}
        questions = {}
        for server, surplus in self._surplus(loads).items():
            count = min(surplus, self._left, BATCH)
            if count > 0 and server not in self._asked:
                self._left -= count
                self._asked[server] = (now, count)
                questions[server] = count
        return questions

    def _look(self, now: float, loads: Mapping[str, int]) -> None:
        if self._servers != loads.keys():
            self._servers, self._changed, self.active = frozenset(loads), now, False
        for server, (since, _) in list(self._asked.items()):
            if now - since >= UNANSWERED or server not in loads:
                del self._asked[server]
        if now - self._second >= 1.0:
            self._second, self._left = now, max(LEAST_PACE, sum(loads.values()) // PACE)
        spread = max(loads.values()) - min(loads.values()) if loads else 0
        if spread <= 1:
            self.active = False
        elif spread > max(1.0, THRESHOLD * sum(loads.values()) / len(loads)) and now - self._changed >= SETTLED:
            self.active = True

    @staticmethod
    def _surplus(loads: Mapping[str, int]) -> dict[str, int]:
        """What each has above its even share, the fullest first. Where the mean is no whole number, some have one
        session more than the others: the fullest."""
        floor, more = divmod(sum(loads.values()), len(loads))
        fullest = sorted(loads, key=lambda server: (-loads[server], server))
        return {server: loads[server] - floor - (at < more) for at, server in enumerate(fullest)}

    def answered(self, server: str) -> int:
        """It has answered; how many it was asked for."""
        return self._asked.pop(server, (0.0, 0))[1]

    @staticmethod
    def destinations(source: str, loads: Mapping[str, int]) -> dict[str, int]:
        """Where one session of `source` may go now, of these: to those that have the least, if it has 2 more."""
        least = min(loads.values())
        if loads[source] - 1 < sum(loads.values()) // len(loads) or loads[source] - least < 2:
            return {}
        return {server: load for server, load in loads.items() if load == least}
