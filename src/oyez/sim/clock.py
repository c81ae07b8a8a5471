"""Virtual time: a heap of events, and the one order in which they happen.

Guarantees: events happen by time, those of the same time in the order in which they were asked for; time moves only
from event to event; nothing depends on the wall clock. Knows nothing of what the events do.
"""

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class Event:
    """Something that is going to happen, unless `cancel` comes first."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        """It will not happen."""
        self.action = None


class Clock:
    """`now` is in seconds since the world began."""

    def __init__(self) -> None:
        self.now = 0.0
        self.happened = 0
        """Events so far."""
        self._asked = 0
        self._heap: list[tuple[float, int, Event]] = []

    def after(self, delay: float, action: Action) -> Event:
        """Let `action` happen `delay` seconds from now."""
        return self.at(self.now + delay, action)

    def at(self, time: float, action: Action) -> Event:
        """Let `action` happen at `time`, or now where that has passed."""
        event = Event(action)
        self._asked += 1
        heappush(self._heap, (time, self._asked, event))
        return event

    def run(self, until: float) -> None:
        """Let everything happen up to `until`; then it is `until`."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            time, _, event = heappop(heap)
            action = event.action
            if action is not None:
                if time > self.now:
                    self.now = time
                event.action = None
                self.happened += 1
                action()
        self.now = max(self.now, until)
