"""The hot path: append-only logs of activity lines (`chunk`), and the cursors that read them (`log`)."""

from oyez.log.chunk import Chunk
from oyez.log.log import READ, SCAN, Cursor, Log, Send

__all__ = ["READ", "SCAN", "Chunk", "Cursor", "Log", "Send"]
