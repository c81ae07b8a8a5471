"""Posts on their way out: numbered, sent in the order in which they were given, settled when they come back.

At most a window of them is on the way, so that a program that posts without waiting fills neither our link nor the
server's; the others wait here, each until its own timeout, also while there is no link. What is on the way when a link
breaks stays so: the role sends it again. Guarantees: each post ends in exactly one way: its id, or an exception that
says what is known. Must not know: links, messages.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from oyez.client.errors import PostUnsettled

WINDOW = 1024 * 1024
"""Most bytes on the way."""

OVERHEAD = 256
"""Bytes that a post costs beside its activity."""


@dataclass(slots=True, eq=False)
class Post:
    """One activity, until it is settled."""

    activity: bytes
    settled: asyncio.Future[str]
    number: int | None = None
    times: int = 0  # sent

    @property
    def cost(self) -> int:
        """Its part of the window, in bytes."""
        return len(self.activity) + OVERHEAD


class Outbox:
    """`pump` is called when there may be something to send; `next` then gives it, one by one. `withdraw` is called
    with the number of a post that need not be sent again, because nobody waits for it any more."""

    def __init__(self, pump: Callable[[], None], withdraw: Callable[[int], None]) -> None:
        self._pump = pump
        self._withdraw = withdraw
        self._waiting: deque[Post] = deque()
        self._sent: dict[int, Post] = {}  # in the order in which they were sent
        self._on_the_way = 0
        self._end: Exception | None = None

    async def post(self, activity: bytes, timeout: float) -> str:
        """The activity's id, once it has come back. Raises PostUnsettled, or what `end` was given."""
        if self._end is not None:
            raise self._end
        post = Post(activity, asyncio.get_running_loop().create_future())
        self._drop_settled()
        self._waiting.append(post)
        self._pump()
        try:
            async with asyncio.timeout(timeout):
                return await post.settled
        except TimeoutError:
            raise self._late(post, timeout) from None
        finally:
            if post.number is not None and self._remove(post.number) is not None:
                self._withdraw(post.number)
                self._pump()  # given up on its way: there is room for another

    def next(self) -> Post | None:
        """The post to send now, if there is one and the window has room for it."""
        self._drop_settled()
        if not self._waiting or (self._sent and self._on_the_way + self._waiting[0].cost > WINDOW):
            return None
        return self._waiting.popleft()

    def sent(self, post: Post, number: int) -> None:
        """It has left, and will be known by this number when it comes back."""
        post.number, post.times = number, 1
        self._sent[number] = post
        self._on_the_way += post.cost

    def came_back(self, number: int, id: str) -> None:
        """One of ours was delivered to everyone, and so to us."""
        post = self._remove(number)
        if post is not None and not post.settled.done():
            post.settled.set_result(id)
        if self._waiting:
            self._pump()

    def doubtful(self, number: int) -> None:
        """It may be among what this session has missed, and is not sent again."""
        post = self._remove(number)
        if post is not None and not post.settled.done():
            info = f"the post was sent{_so_often(post)}, and may be among the activities that this session has missed"
            post.settled.set_exception(PostUnsettled(info, times=post.times))
        if self._waiting:
            self._pump()

    def sent_again(self) -> None:
        """Over a new link: all that had not come back."""
        for post in self._sent.values():
            post.times += 1

    def end(self, why: Exception) -> None:
        """Nothing is sent any more."""
        self._end = why
        for post in self._sent.values():
            if not post.settled.done():
                info = f"the post was sent{_so_often(post)}, and had not come back at the end: {why}"
                unsettled = PostUnsettled(info, times=post.times)
                unsettled.__cause__ = why
                post.settled.set_exception(unsettled)
        for post in self._waiting:
            if not post.settled.done():
                post.settled.set_exception(why)
        self._sent.clear()
        self._waiting.clear()
        self._on_the_way = 0

    def _late(self, post: Post, timeout: float) -> PostUnsettled:
        if post.number is not None:
            info = f"the post was sent{_so_often(post)}, but has not come back within {timeout:g} s"
        elif self._sent:
            info = f"the post was not sent within {timeout:g} s: those before it have not come back"
        else:
            info = f"no server could be reached within {timeout:g} s; the post was not sent"
        return PostUnsettled(info, times=post.times)

    def _drop_settled(self) -> None:
        """Forget the oldest whose callers have given up: they wait in the order of their timeouts, more or less."""
        while self._waiting and self._waiting[0].settled.done():
            self._waiting.popleft()

    def _remove(self, number: int) -> Post | None:
        post = self._sent.pop(number, None)
        if post is not None:
            self._on_the_way -= post.cost
        return post


def _so_often(post: Post) -> str:
    return "" if post.times == 1 else f" {post.times} times"
