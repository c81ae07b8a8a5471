"""A file that keeps a cursor between two runs of a command.

Guarantees: whoever reads the file finds a whole cursor, the one before or the new one. Must not know: what is in it.
"""

import os
from pathlib import Path

from oyez.client.errors import OyezError


class CursorFile:
    """One command's; nobody else writes to it meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: str | None = None

    def read(self) -> str | None:
        """What it holds; None where there is no such file. Raises OyezError."""
        try:
            self._kept = self.path.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise OyezError(f"{self.path}: {_why(error)}") from error
        return self._kept

    def write(self, cursor: str) -> None:
        """Put the cursor there, unless it is there already. Raises OyezError."""
        if cursor == self._kept:
            return
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(f"{cursor}\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise OyezError(f"{self.path}: the cursor can't be kept there: {_why(error)}") from error
        self._kept = cursor


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "this is no text"
