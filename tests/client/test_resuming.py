"""A program whose link breaks, whose server goes, or which starts again: nothing is missing, nothing comes twice."""

import asyncio

import pytest

import oyez
from oyez.client import cursors
from oyez.protocol.messages import Resume
from tests.client.town import PATIENCE, town
from tests.client.toys import Visit, toy, welcoming

COUNT = 300

# Cursors as text


def test_a_cursor_is_one_plain_word_and_is_read_back() -> None:
    text = cursors.encode("net", {"s1.7": 4, "s2.4": 2**53})
    assert text.replace("-", "").replace("_", "").isalnum()
    assert cursors.decode(text) == Resume("net", {"s1.7": 4, "s2.4": 2**53})


def test_a_cursor_of_too_many_origins_keeps_those_that_moved_last() -> None:
    kept = cursors.decode(cursors.encode("net", {f"o.{number}": 1 for number in range(1030)}))
    assert list(kept.origins) == [f"o.{number}" for number in range(6, 1030)]


@pytest.mark.parametrize("text", ["", "?", "é", "e30", "WzEsIm5ldCJd", "WzEsIiIse31d", "WzIsIm5ldCIse31d"])
def test_what_is_no_cursor_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        cursors.decode(text)


def test_what_waits_has_not_been_taken() -> None:
    taken = cursors.before({"a.1": 10, "b.1": 7, "c.1": 3}, ["a.1-8", "b.1-7", "a.1-9", "odd", "a.1-10"])
    assert taken == {"a.1": 7, "b.1": 6, "c.1": 3}


# Where a program left off


async def test_a_program_goes_on_where_an_earlier_one_left_off() -> None:
    async with asyncio.timeout(PATIENCE), town("s1", "s2") as net, oyez.connect(net.address) as poster:
        early = oyez.connect(net.address)
        assert early.cursor is None
        async with early:
            await asyncio.gather(*(poster.post({"n": number}) for number in range(10)))
            assert [(await anext(early)).object["n"] for _ in range(4)] == [0, 1, 2, 3]
            while early.waiting < 6:
                await asyncio.sleep(0.01)
        assert early.cursor is not None
        await poster.post({"n": 10})
        late = oyez.connect(net.address, cursor=early.cursor)
        assert late.cursor == early.cursor
        async with late:
            assert [(await anext(late)).object["n"] for _ in range(7)] == list(range(4, 11))


async def test_a_new_session_begins_with_the_present() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address, receive=False) as poster:
        await poster.post({"n": 1})
        assert poster.cursor is not None
        async with oyez.connect(net.address) as late, oyez.connect(net.address, cursor=poster.cursor) as other:
            await poster.post({"n": 2})
            assert (await anext(late)).object["n"] == (await anext(other)).object["n"] == 2


async def test_a_cursor_of_another_network_is_refused() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        with pytest.raises(oyez.Refused, match="another network") as refused:
            await oyez.connect(net.address, cursor=cursors.encode("another", {})).open()
        assert refused.value.reason == "other_network"


async def test_what_the_network_holds_no_more_is_told() -> None:
    events = asyncio.Queue[oyez.Event]()

    async def tell(visit: Visit) -> None:
        gaps = [{"origin": "s1.7", "first": 5, "last": 9}, {"origin": "s2.4", "first": 1, "last": 1}]
        await visit.say("GAP", gaps=gaps)
        await visit.say("ACTIVITY_BROADCAST", id="s1.7-10", activity={"authenticated_user": "bob"})
        await visit.hear()

    async with (
        asyncio.timeout(PATIENCE),
        toy(welcoming(tell, network="net", origin="s1.7")) as toys,
        oyez.connect(toys.address, cursor=cursors.encode("net", {"s1.7": 4}), on_event=events.put_nowait) as network,
    ):
        assert (await anext(network)).id == "s1.7-10"
        assert await events.get() == oyez.Connected("toy")
        gap = await events.get()
        assert isinstance(gap, oyez.Gap)
        assert gap.ranges == (oyez.Range("s1.7", 5, 9), oyez.Range("s2.4", 1, 1))
        assert gap.count == 6
        assert network.cursor == cursors.encode("net", {"s2.4": 1, "s1.7": 10})


# Links that break


async def test_nothing_is_missing_and_nothing_comes_twice_while_links_break() -> None:
    async with (
        asyncio.timeout(PATIENCE),
        town("s1", "s2") as net,
        oyez.connect(net.address) as reader,
        oyez.connect(net.address, user="alice", secret="a secret", register=True) as poster,
    ):
        posts = [asyncio.create_task(poster.post({"n": number}, timeout=PATIENCE)) for number in range(COUNT)]
        seen: list[int] = []
        while len(seen) < COUNT:
            if len(seen) % 60 == 30:
                for server in net.servers:
                    net.reset_sessions(server)
            seen.append((await anext(reader)).object["n"])
        assert seen == list(range(COUNT))
        ids = [await post for post in posts]
        assert [(await anext(poster)).id for _ in range(COUNT)] == ids
        assert len(set(ids)) == COUNT
        await poster.post("the end")
        assert (await anext(reader)).object["content"] == "the end"


async def test_a_post_whose_link_breaks_is_sent_again_and_settled() -> None:
    heard: list[dict[str, object]] = []

    async def cut_at_first(visit: Visit) -> None:
        heard.append(await visit.hear())
        if len(heard) == 1:
            visit.cut()
        else:
            await visit.say("ACTIVITY_BROADCAST", id="s1.7-1", post=f"tag-{heard[-1]['id']}", activity={"n": 1})
            await visit.hear()

    async with (
        asyncio.timeout(PATIENCE),
        toy(welcoming(cut_at_first)) as toys,
        oyez.connect(toys.address) as network,
    ):
        assert await network.post({"n": 1}, timeout=PATIENCE) == "s1.7-1"
        assert heard[0] == heard[1]


async def test_a_post_that_was_sent_again_in_vain_says_how_often() -> None:
    sent = asyncio.Semaphore(0)

    async def cut_once(visit: Visit) -> None:
        await visit.hear()
        sent.release()
        if visit.toy.visits == 2:
            visit.cut()
        else:
            await visit.hear()

    async with asyncio.timeout(PATIENCE), toy(welcoming(cut_once)) as toys:
        async with oyez.connect(toys.address) as network:
            posting = asyncio.create_task(network.post("to nowhere", timeout=PATIENCE))
            await sent.acquire()
            await sent.acquire()
        with pytest.raises(oyez.PostUnsettled, match="sent 2 times") as unsettled:
            await posting
        assert (unsettled.value.sent, unsettled.value.times) == (True, 2)


async def test_a_post_that_nobody_waits_for_is_not_sent_again() -> None:
    heard = asyncio.Queue[dict[str, object]]()
    links: list[Visit] = []

    async def listen(visit: Visit) -> None:
        links.append(visit)
        while message := await visit.hear():
            heard.put_nowait(message)

    async with asyncio.timeout(PATIENCE), toy(welcoming(listen)) as toys, oyez.connect(toys.address) as network:
        with pytest.raises(oyez.PostUnsettled):
            await network.post("one", timeout=0.05)
        assert (await heard.get())["id"] == 1
        links[0].cut()
        posting = asyncio.create_task(network.post("two", timeout=PATIENCE))
        assert (await heard.get())["id"] == 2
        posting.cancel()


async def test_a_post_settles_though_nobody_takes_what_comes() -> None:
    async with (
        asyncio.timeout(PATIENCE),
        town("s1") as net,
        oyez.connect(net.address, buffer=1) as idle,
    ):
        await idle.post("which fills it")
        assert idle.waiting == 1


# Without the centre


async def test_with_the_central_dead_a_session_moves_to_a_server_that_it_knows() -> None:
    events = asyncio.Queue[oyez.Event]()
    async with (
        asyncio.timeout(PATIENCE),
        town("s1", "s2") as net,
        oyez.connect(net.address, on_event=events.put_nowait) as network,
    ):
        assert isinstance(await events.get(), oyez.Connected)
        await network.post({"n": 1})
        left = str(network.server)
        await net.central.stop()
        await net.stop_server(left)
        while not isinstance(event := await events.get(), oyez.Connected | oyez.Moved):
            pass
        assert event.server == network.server != left
        await network.post({"n": 2})
        assert [(await anext(network)).object["n"] for _ in range(2)] == [1, 2]
