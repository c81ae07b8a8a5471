"""The two directions of a connection, without one: what waits, what is on its way, how each post ends."""

import asyncio

import pytest

import oyez
from oyez.client import outbox as outboxes
from oyez.client.activity import Activity
from oyez.client.inbox import OVERHEAD, Activities, Inbox
from oyez.client.outbox import Outbox

FOREVER = 30.0


class Sender:
    """Sends what an outbox gives, while `up`."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[bytes] = []
        self.withdrawn: list[int] = []
        self.outbox = Outbox(self.pump, self.withdrawn.append)

    def pump(self) -> None:
        while self.up and (post := self.outbox.next()) is not None:
            self.sent.append(post.activity)
            self.outbox.sent(post, len(self.sent))


async def posting(outbox: Outbox, activity: bytes, timeout: float = FOREVER) -> asyncio.Task[str]:
    """A post that has been given to the outbox."""
    task = asyncio.create_task(outbox.post(activity, timeout))
    await asyncio.sleep(0)
    return task


async def test_posts_are_settled_by_their_numbers() -> None:
    sender = Sender()
    one, other = await posting(sender.outbox, b"one"), await posting(sender.outbox, b"other")
    sender.outbox.came_back(2, "s1-8")
    sender.outbox.came_back(1, "s1-7")
    sender.outbox.came_back(1, "again")
    sender.outbox.came_back(99, "never sent")
    assert (await one, await other) == ("s1-7", "s1-8")


async def test_a_window_is_on_the_way_and_the_rest_waits_in_order() -> None:
    sender = Sender()
    activity = b"x" * (outboxes.WINDOW // 4)
    posts = [await posting(sender.outbox, activity + b"%d" % number) for number in range(6)]
    assert len(sender.sent) == 3
    sender.outbox.came_back(1, "s1-1")
    sender.outbox.came_back(2, "s1-2")
    assert len(sender.sent) == 5
    for number in range(3, 7):
        sender.outbox.came_back(number, f"s1-{number}")
    assert [await post for post in posts] == [f"s1-{number}" for number in range(1, 7)]
    assert [sent[-1:] for sent in sender.sent] == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_one_post_larger_than_the_window_still_goes() -> None:
    sender = Sender()
    post = await posting(sender.outbox, b"x" * 2 * outboxes.WINDOW)
    sender.outbox.came_back(1, "s1-1")
    assert await post == "s1-1"


async def test_what_is_sent_again_stays_on_its_way_and_says_how_often_it_was() -> None:
    sender = Sender()
    late = await posting(sender.outbox, b"late", timeout=0.01)
    sent = await posting(sender.outbox, b"sent")
    sender.outbox.sent_again()
    sender.outbox.sent_again()
    with pytest.raises(oyez.PostUnsettled, match="was sent 3 times, but has not come back") as unsettled:
        await late
    assert (unsettled.value.sent, unsettled.value.times) == (True, 3)
    sender.outbox.came_back(2, "s1-1")
    assert await sent == "s1-1"


async def test_what_nobody_waits_for_is_withdrawn() -> None:
    sender = Sender()
    late, cancelled = await posting(sender.outbox, b"late", timeout=0.001), await posting(sender.outbox, b"cancelled")
    sender.up = False
    never_sent = await posting(sender.outbox, b"never", timeout=0.001)
    cancelled.cancel()
    await asyncio.wait([late, cancelled, never_sent])
    assert sorted(sender.withdrawn) == [1, 2]
    with pytest.raises(oyez.PostUnsettled):
        await late
    with pytest.raises(oyez.PostUnsettled):
        await never_sent


async def test_what_has_come_back_is_not_withdrawn() -> None:
    sender = Sender()
    post = await posting(sender.outbox, b"one")
    sender.outbox.came_back(1, "s1-1")
    await post
    assert sender.withdrawn == []


async def test_what_never_left_says_what_it_waited_for() -> None:
    sender = Sender()
    sent = await posting(sender.outbox, b"x" * outboxes.WINDOW)
    behind = await posting(sender.outbox, b"behind", timeout=0.001)
    with pytest.raises(oyez.PostUnsettled, match="those before it have not come back") as unsettled:
        await behind
    assert (unsettled.value.sent, unsettled.value.times) == (False, 0)
    sender.outbox.came_back(1, "s1-1")
    await sent


async def test_whoever_gives_up_is_not_sent_and_holds_nobody_up() -> None:
    sender = Sender()
    sender.up = False
    late = await posting(sender.outbox, b"late", timeout=0.001)
    cancelled = await posting(sender.outbox, b"cancelled")
    patient = await posting(sender.outbox, b"patient")
    with pytest.raises(oyez.PostUnsettled, match="not sent"):
        await late
    cancelled.cancel()
    await asyncio.wait([cancelled])
    sender.up = True
    sender.pump()
    assert sender.sent == [b"patient"]
    sender.outbox.came_back(1, "s1-1")
    assert await patient == "s1-1"


async def test_a_post_that_is_given_up_on_its_way_frees_the_window() -> None:
    sender = Sender()
    activity = b"x" * outboxes.WINDOW
    late = await posting(sender.outbox, activity, timeout=0.001)
    next_one = await posting(sender.outbox, activity)
    with pytest.raises(oyez.PostUnsettled, match="not come back"):
        await late
    assert len(sender.sent) == 2
    sender.outbox.came_back(1, "too late")
    sender.outbox.came_back(2, "s1-2")
    assert await next_one == "s1-2"


async def test_the_end_is_every_posts_end() -> None:
    sender = Sender()
    sent = await posting(sender.outbox, b"sent")
    sender.up = False
    waiting = await posting(sender.outbox, b"waiting")
    sender.outbox.end(oyez.Refused("wrong_credentials", "you were removed"))
    with pytest.raises(oyez.PostUnsettled, match="you were removed"):
        await sent
    with pytest.raises(oyez.Refused):
        await waiting
    with pytest.raises(oyez.Refused):
        await sender.outbox.post(b"too late", FOREVER)


def reading(inbox: Inbox) -> Activities:
    return Activities(inbox, None, lambda: None)


async def test_an_inbox_regulates_at_its_limit_and_at_half_of_it() -> None:
    changes: list[bool] = []
    size = 1000 - OVERHEAD
    inbox = Inbox(4000, lambda: changes.append(inbox.full))
    for number in range(6):
        inbox.put(Activity(f"s1-{number}", b"x" * size))
    assert changes == [True]
    assert len(inbox) == 6
    reader = reading(inbox)
    for number in range(6):
        assert inbox.ids == [f"s1-{left}" for left in range(number, 6)]
        assert (await anext(reader)).id == f"s1-{number}"
        assert changes == ([True] if number < 3 else [True, False])


async def test_an_inbox_that_has_ended_gives_what_it_has_and_then_the_reason_to_everyone() -> None:
    inbox = Inbox(4000, lambda: None)
    reader = reading(inbox)
    waiting = [asyncio.ensure_future(anext(reader)) for _ in range(3)]
    await asyncio.sleep(0)
    inbox.put(Activity("s1-1", b"{}"))
    inbox.end(oyez.Unreachable("gone"))
    inbox.end(oyez.Closed("closed, too late"))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Activity, oyez.Unreachable, oyez.Unreachable]
    assert len(inbox) == 0
    with pytest.raises(oyez.Unreachable, match=r"^gone$"):
        await anext(reader)
