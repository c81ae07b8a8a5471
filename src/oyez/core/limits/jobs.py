"""How many secrets wait to be hashed: each takes a thread tens of milliseconds, so the queue must not grow for ever.

Guarantees: no more than `most` at once, and no more than `each` for one key. Knows no secrets.
"""

from collections import Counter


class Jobs:
    """0: any number."""

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._of: Counter[str] = Counter()
        self._all = 0

    def __len__(self) -> int:
        return self._all

    def begin(self, key: str | None) -> bool:
        """Is there room for one more, of this key? None is nobody's. It is counted until `end`."""
        if self._most and self._all >= self._most:
            return False
        if key is not None:
            if self._each and self._of[key] >= self._each:
                return False
            self._of[key] += 1
        self._all += 1
        return True

    def end(self, key: str | None) -> None:
        """One is done."""
        self._all -= 1
        if key is not None:
            self._of[key] -= 1
            if not self._of[key]:
                del self._of[key]
