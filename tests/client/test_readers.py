"""Several readers of one connection, callbacks among them: each gets what it wants, and what goes wrong comes out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

import oyez
from oyez.client.inbox import OVERHEAD, Inbox
from tests.client.town import PATIENCE, town


@asynccontextmanager
async def network(**options: object) -> AsyncIterator[oyez.Network]:
    """A connection to a network of one server."""
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address, **options) as network:  # type: ignore[arg-type]
        yield network


async def numbers(readers: oyez.Activities, count: int) -> list[int]:
    return [(await anext(readers)).object["n"] for _ in range(count)]


# Where a reader begins and ends, in the inbox alone


def inbox_of(count: int, limit: int = 10_000) -> Inbox:
    inbox = Inbox(limit, lambda: None)
    put(inbox, *range(count))
    return inbox


def put(inbox: Inbox, *numbers: int) -> None:
    for number in numbers:
        inbox.put(oyez.Activity(f"s1-{number}", b'{"n":%d}' % number))


def reader(inbox: Inbox, wanted: Callable[[oyez.Activity], object] | None = None) -> oyez.Activities:
    return oyez.Activities(inbox, wanted, lambda: None)


def odd(activity: oyez.Activity) -> bool:
    return bool(activity.object["n"] % 2)


async def test_readers_made_before_anything_was_taken_get_all_of_it() -> None:
    inbox = inbox_of(4)
    one, other = reader(inbox), reader(inbox, odd)
    assert await numbers(other, 2) == [1, 3]
    assert await numbers(one, 4) == [0, 1, 2, 3]
    assert len(inbox) == 0


async def test_a_later_reader_begins_with_what_no_reader_has_passed() -> None:
    inbox = inbox_of(6)
    slow, fast = reader(inbox), reader(inbox, odd)
    assert await numbers(fast, 2) == [1, 3]
    late = reader(inbox)
    assert await numbers(late, 2) == [4, 5]
    assert await numbers(slow, 6) == [0, 1, 2, 3, 4, 5]


async def test_what_waits_is_what_the_slowest_has_not_passed() -> None:
    inbox = inbox_of(4)
    slow, fast = reader(inbox), reader(inbox)
    await numbers(fast, 3)
    assert inbox.ids == ["s1-0", "s1-1", "s1-2", "s1-3"]
    await numbers(slow, 2)
    assert inbox.ids == ["s1-2", "s1-3"]
    slow.close()
    assert inbox.ids == ["s1-3"]
    with pytest.raises(StopAsyncIteration):
        await anext(slow)


async def test_a_reader_that_nobody_refers_to_holds_up_nothing() -> None:
    changes: list[bool] = []
    inbox = Inbox(4 * (OVERHEAD + len(b'{"n":0}')), lambda: changes.append(inbox.full))
    slow, fast = reader(inbox), reader(inbox)
    put(inbox, 0, 1, 2, 3)
    await numbers(fast, 4)
    assert changes == [True]
    del slow
    assert changes == [True, False]
    assert len(inbox) == 0


async def test_what_a_reader_has_not_looked_at_and_does_not_want_holds_up_nothing() -> None:
    changes: list[bool] = []
    inbox = Inbox(4 * (OVERHEAD + len(b'{"n":0}')), lambda: changes.append(inbox.full))
    picky, fast = reader(inbox, lambda activity: activity.object["n"] == 6), reader(inbox)
    for number in range(6):
        put(inbox, number)
        await numbers(fast, 1)
    assert inbox.ids == ["s1-4", "s1-5"]
    for number in range(6, 9):
        put(inbox, number)
        await numbers(fast, 1)
    assert inbox.ids == ["s1-6", "s1-7", "s1-8"]
    assert changes == []
    put(inbox, 9)
    assert changes == [True]  # 6 is wanted, and not taken
    assert await numbers(picky, 1) == [6]


async def test_a_predicate_that_fails_when_nobody_has_asked_fails_in_its_loop() -> None:
    inbox = Inbox(OVERHEAD, lambda: None)
    wrong = reader(inbox, lambda activity: 1 / activity.object["n"])
    put(inbox, 0)
    assert inbox.full
    with pytest.raises(ZeroDivisionError):
        await anext(wrong)


async def test_between_two_loops_nothing_is_lost() -> None:
    inbox = inbox_of(3)
    async for activity in reader(inbox, odd):
        assert activity.id == "s1-1"
        break
    put(inbox, 3)
    assert await numbers(reader(inbox), 2) == [2, 3]


async def test_closing_a_reader_ends_the_loop_that_waits_for_it() -> None:
    inbox = inbox_of(0)
    with reader(inbox) as closing:
        waiting = asyncio.ensure_future(anext(closing, None))
        await asyncio.sleep(0)
    assert await waiting is None


async def test_waiting_that_was_given_up_leaves_nothing_behind() -> None:
    inbox = inbox_of(0)
    impatient = reader(inbox)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(impatient)
    assert not inbox._wakers
    put(inbox, 7)
    assert await numbers(impatient, 1) == [7]


async def test_an_error_of_a_predicate_comes_out_of_its_loop_alone() -> None:
    inbox = inbox_of(2)
    wrong, well = reader(inbox, lambda activity: 1 / activity.object["n"]), reader(inbox)
    with pytest.raises(ZeroDivisionError):
        await anext(wrong)
    assert await numbers(wrong, 1) == [1]
    assert await numbers(well, 2) == [0, 1]


# In a network


async def test_each_reader_gets_what_it_wants_and_the_network_itself_everything() -> None:
    async with network(user="ada", secret="red anchor", register=True) as ada:
        likes = ada.activities(type="Like", authenticated_user="ada")
        notes = ada.activities(object={"type": ("Note", "Article")}, where=lambda activity: activity.object["n"] > 1)
        strange = ada.activities(authenticated_user="bob")
        everything = aiter(ada)
        await ada.post({"type": "Like", "n": 1})
        await ada.post({"type": "Create", "object": {"type": "Note"}, "n": 1})
        await ada.post({"type": "Create", "object": {"type": "Note"}, "n": 2})
        assert await numbers(likes, 1) == [1]
        assert await numbers(notes, 1) == [2]
        assert await numbers(everything, 3) == [1, 1, 2]
        assert ada.waiting == 3  # `strange` has not looked
        likes.close()
        waiting = asyncio.ensure_future(anext(strange, None))
    assert await waiting is None
    assert ada.waiting == 0


async def test_a_reader_without_taste_of_what_comes_does_not_hold_it_up() -> None:
    async with network(buffer=4096) as net:
        picky = asyncio.ensure_future(anext(net.activities(type="Like")))
        for number in range(30):
            await net.post({"type": "Note", "content": "x" * 1000, "n": number})
        await net.post({"type": "Like", "n": 30})
        assert (await picky).object["n"] == 30


async def test_the_cursor_is_that_of_the_slowest_reader() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as town_of_one:
        async with oyez.connect(town_of_one.address) as early:
            slow, fast = early.activities(), early.activities()
            for number in range(4):
                await early.post({"n": number})
            await numbers(fast, 4)
            await numbers(slow, 1)
            cursor = early.cursor
        async with oyez.connect(town_of_one.address, cursor=cursor) as late:
            assert await numbers(late.activities(), 3) == [1, 2, 3]


async def test_a_connection_that_only_posts_has_no_readers() -> None:
    poster = oyez.connect(receive=False)
    with pytest.raises(ValueError, match="receive=False"):
        poster.activities()
    with pytest.raises(ValueError, match="receive=False"):
        poster.on(print)


async def test_a_reader_may_be_made_early_but_not_read() -> None:
    early = oyez.connect().activities()
    with pytest.raises(oyez.Closed, match="not open"):
        await anext(early)


# Callbacks


async def test_callbacks_are_called_in_order_whatever_they_are() -> None:
    done: list[tuple[str, int]] = []
    async with asyncio.timeout(PATIENCE), town("s1") as town_of_one:
        connection = oyez.connect(town_of_one.address)

        @connection.on(type="Note")
        async def slowly(activity: oyez.Activity) -> None:
            await asyncio.sleep(0)
            done.append(("slowly", activity.object["n"]))
            if activity.object["n"] == 3:
                await connection.aclose()  # a callback may, and goes on
                done.append(("closed", 3))

        @connection.on
        def at_once(activity: oyez.Activity) -> None:
            done.append(("at once", activity.object["n"]))

        async with connection:
            for number, kind in enumerate(["Note", "Like", "Note"], 1):
                await connection.post({"type": kind, "n": number})
            await connection.run()
        assert [n for name, n in done if name == "slowly"] == [1, 3]
        assert [n for name, n in done if name == "at once"] == [1, 2, 3]
        assert done[-1] == ("closed", 3)
        assert at_once is not None
        assert slowly.__name__ == "slowly"


async def test_a_callback_of_an_open_connection_is_called_with_what_waits() -> None:
    async with network() as net:
        await net.post({"n": 1})
        called = asyncio.Queue[int]()
        net.on(lambda activity: called.put_nowait(activity.object["n"]), n=(1, 3))
        for number in (2, 3):
            await net.post({"n": number})
        assert [await called.get(), await called.get()] == [1, 3]


class Bug(Exception):
    pass


def fails(activity: oyez.Activity) -> None:
    raise Bug(activity.id)


async def fails_later(activity: oyez.Activity) -> None:
    await asyncio.sleep(0)
    raise Bug(activity.id)


@pytest.mark.parametrize("callback", [fails, fails_later])
async def test_what_a_callback_raises_comes_out_of_run_and_loops_and_posts(
    callback: Callable[[oyez.Activity], object],
) -> None:
    with pytest.raises(Bug) as raised:
        async with network() as net:
            net.on(callback)
            loop, run = asyncio.ensure_future(all_of(net)), asyncio.ensure_future(net.run())
            id = await net.post("hear ye")
            for waiting in (run, loop):
                with pytest.raises(Bug):
                    await waiting
            with pytest.raises(Bug):
                await net.post("too late")
            assert net.server is None
    assert raised.value.args == (id,)


async def all_of(net: oyez.Network) -> None:
    async for _ in net:
        pass


async def test_what_a_callback_raises_is_not_lost_where_nobody_waits_for_it() -> None:
    called = asyncio.Event()
    with pytest.raises(Bug):
        async with network() as net:
            net.on(lambda _: called.set())
            net.on(fails)
            await net.post("hear ye")
            await called.wait()


async def test_an_error_of_the_program_itself_goes_first_and_has_the_callbacks_as_a_note() -> None:
    with pytest.raises(KeyError) as raised:
        async with network() as net:
            net.on(fails)
            await net.post("hear ye")
            with pytest.raises(Bug):
                await net.run()
            raise KeyError("the program's own")
    assert "a callback failed: Bug(" in raised.value.__notes__[0]


async def test_callbacks_are_cancelled_at_the_end_and_may_fail_even_then() -> None:
    begun = asyncio.Event()

    async def clean_up_badly(activity: oyez.Activity) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise Bug("while cleaning up")

    with pytest.raises(Bug, match="cleaning up"):
        async with network() as net:
            net.on(clean_up_badly)
            await net.post("hear ye")
            await begun.wait()


async def test_a_callback_that_dies_of_anothers_cancellation_is_noticed() -> None:
    async def wait_for_what_is_cancelled(activity: oyez.Activity) -> None:
        other = asyncio.create_task(asyncio.sleep(PATIENCE))
        other.cancel()
        await other

    async with network() as net:
        net.on(wait_for_what_is_cancelled)
        await net.post("hear ye")
        with pytest.raises(RuntimeError, match="cancellation"):
            await net.run()
        net._failure = None  # or the end would raise it again


async def test_run_ends_when_the_connection_is_closed() -> None:
    async with network() as net:
        running: Awaitable[None] = asyncio.ensure_future(net.run())
        await asyncio.sleep(0)
        await net.aclose()
        await running
