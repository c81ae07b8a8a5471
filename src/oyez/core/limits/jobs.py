"""How many secrets wait to be hashed: each takes a thread tens of milliseconds, so the queue must not grow for ever.

Guarantees: bounded by whoever asks `room` before each `begin`; nobody fills it alone. Knows no secrets.
"""

from collections import Counter


class Jobs:
    """`most` at once, `each` of one key; 0: any number."""

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._of: Counter[str] = Counter()
        self._keys: dict[int, str | None] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def room(self, key: str | None) -> bool:
        """Is there room for one more, of this key? None is nobody's."""
        if self._most and len(self._keys) >= self._most:
            return False
        return key is None or not self._each or self._of[key] < self._each

    def begin(self, token: int, key: str | None) -> None:
        """One more, known by `token`."""
        self._keys[token] = key
        if key is not None:
            self._of[key] += 1

    def end(self, token: int) -> None:
        """It is done."""
        key = self._keys.pop(token, None)
        if key is not None:
            self._of[key] -= 1
            if not self._of[key]:
                del self._of[key]
