"""The bounds of the wire, in one place.

Every buffer and every value that a peer can fill has its limit here; a peer that exceeds one gets INVALID_MESSAGE
that names it. Knows nothing of what the values mean.
"""

LINE = 64 * 1024
"""Longest line from a client, in bytes, its line end not counted (DESIGN section 3)."""

NODE_LINE = 1024 * 1024
"""Longest line between nodes, in bytes: a node may wrap what a client said, or send a part of a snapshot."""

DEPTH = 128
"""Deepest nesting of an activity, in objects and arrays. Parsers of other people's clients give up near 500."""

USERNAME = 128
"""Longest username, in characters."""

SECRET = 1024
"""Longest secret, in characters: argon2 reads all of it."""

SESSION = (16, 64)
"""Shortest and longest session string that a client may choose, in characters."""

TICKET = 8192
"""Longest ticket, in characters."""

NODE_ID = 64
"""Longest id of a node, in characters."""
