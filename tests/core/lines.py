"""Activity lines as origins make them, by the number in them."""

import json

from oyez.core.origin import Origin
from oyez.core.server.posts import Post
from oyez.core.server.sessions import Session
from oyez.log import Chunk
from oyez.protocol import activity

BOB = Session(1, "bob", None, "b0b", aware=False)
EVE = Session(2, "eve", None, "e7e", aware=False)


def posted(origin: Origin, *posts: tuple[Session, int | None], content: str = "x") -> Chunk:
    """These sessions post, each under this number of its own; returns the lines."""
    members = activity.body(json.dumps({"content": content}).encode())
    assert isinstance(members, bytes)
    for session, number in posts:
        origin.accept(session.opening_for(number), members)
    chunk = origin.take()
    assert chunk is not None
    return chunk


def numbered(id: str, count: int, first: int = 1) -> Chunk:
    """Lines of server `id`, unnumbered by their sender, from sequence `first` on."""
    origin = Origin(id, 1, 1000)
    origin.sequence, origin._first = first - 1, first
    return posted(origin, *[(BOB, None)] * count)


def shown(chunks: list[Chunk]) -> list[int]:
    """The sequences in them."""
    return [chunk.first + index for chunk in chunks for index in range(chunk.count)]


def post(session: Session, number: int) -> Post:
    return session.key, number
