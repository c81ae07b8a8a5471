"""Which posts of each session the network has seen, so that a repeated one is shown once (DESIGN section 5.4, ADR 9).

A session numbers its posts; its highest number in any log that is held here stands for all below it. Guarantees: reads
only what servers put before an activity, never what a sender put into one; bounded. Knows no links.
"""

from oyez.log import Chunk
from oyez.protocol.framing import MESSAGE_PREFIX

SESSIONS = 200_000
"""Most sessions remembered; beyond it the one that has posted nothing for longest goes."""

_ID = len(MESSAGE_PREFIX + b'"id":"')
_POST = b',"post":"'


class Posts:
    """The highest post by session tag."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def highest(self, tag: str) -> int:
        """0 for a session that has not posted."""
        return self._highest.get(tag, 0)

    def accept(self, tag: str, number: int) -> bool:
        """False for a repetition."""
        if number <= self._highest.get(tag, 0):
            return False
        self._highest.pop(tag, None)
        self._highest[tag] = number
        if len(self._highest) > SESSIONS:
            del self._highest[next(iter(self._highest))]
        return True

    def note(self, chunk: Chunk) -> None:
        """What other servers have accepted."""
        data = chunk.data
        if _POST not in data:
            return
        start = 0
        while start < len(data):
            behind = data.index(b'"', start + _ID) + 1
            end = data.index(b"\n", behind)
            if data.startswith(_POST, behind):
                post = data[behind + len(_POST) : data.index(b'"', behind + len(_POST), end)]
                tag, _, number = post.partition(b"-")
                self.accept(tag.decode(), int(number))
            start = end + 1
