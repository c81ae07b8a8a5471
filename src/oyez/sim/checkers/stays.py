"""Not a checker: who was in, from when to when, and what each has seen, as several checkers need it."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from math import inf

from oyez.sim.checkers.reading import kept
from oyez.sim.history import Away, Back, Died, Doubted, Ended, Entered, History, Missed, Saw


@dataclass(slots=True)
class Stay:
    """One session. One that does not last is over when its server dies, though it may not know yet."""

    entered: Entered
    until: float = inf
    servers: list[tuple[float, str]] = field(default_factory=list)
    """Where it was from when on; "" nowhere."""
    saw: list[Saw] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    doubted: set[int] = field(default_factory=set)
    """Numbers of its own posts of which it was told that nothing is known."""

    @property
    def session(self) -> str:
        """Its name."""
        return self.entered.session

    @property
    def lasting(self) -> bool:
        """Whether it has a cursor."""
        return self.entered.lasting

    @property
    def begin(self) -> float:
        """Since when it was in."""
        return self.entered.at

    def told(self, origin: str, sequence: int) -> bool:
        """Whether it was told that it misses this one."""
        return any(one.origin == origin and one.first <= sequence <= one.last for one in self.missed)

    @property
    def told_ids(self) -> Iterator[str]:
        """All that it was told that it misses."""
        return (f"{gap.origin}-{sequence}" for gap in self.missed for sequence in range(gap.first, gap.last + 1))

    def told_unseen(self, seen: Container[str]) -> bool:
        """Whether it was told that it misses something that nobody saw under that id: it may be what others saw under
        another, where servers could not reach each other."""
        return any(id not in seen for id in self.told_ids)

    def stayed(self, begin: float, end: float) -> bool:
        """Whether it was in all the time."""
        return self.begin < begin and end < self.until


@kept
def stays(history: History) -> dict[str, Stay]:
    """All sessions, by name."""
    found: dict[str, Stay] = {}
    inside: dict[str, Stay] = {}
    for entry in history:
        match entry:
            case Saw() if entry.session in found:
                found[entry.session].saw.append(entry)
            case Entered():
                stay = Stay(entry, servers=[(entry.at, entry.node)])
                found[entry.session] = inside[entry.session] = stay
            case Away() if entry.session in inside:
                inside[entry.session].servers.append((entry.at, ""))
            case Back() if entry.session in inside:
                inside[entry.session].servers.append((entry.at, entry.node))
            case Missed() if entry.session in found:
                found[entry.session].missed.append(entry)
            case Doubted() if entry.session in found:
                found[entry.session].doubted.add(entry.number)
            case Ended() if entry.session in inside:
                inside.pop(entry.session).until = entry.at
            case Died():
                for stay in [one for one in inside.values() if not one.lasting and one.entered.node == entry.node]:
                    inside.pop(stay.session).until = entry.at
            case _:
                pass
    return found
