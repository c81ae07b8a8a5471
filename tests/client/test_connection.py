"""A program in a real network: in, posts, activities, out."""

import asyncio

import pytest

import oyez
from tests.client.town import PATIENCE, town


async def test_a_post_comes_back_with_its_id_and_to_everyone_else() -> None:
    async with (
        asyncio.timeout(PATIENCE),
        town("s1", "s2") as net,
        oyez.connect(net.address) as one,
        oyez.connect(net.address) as other,
    ):
        assert {one.server, other.server} == {"s1", "s2"}
        id = await one.post({"type": "Note", "content": "hear ye"})
        mine, theirs = await anext(one), await anext(other)
        assert mine.id == theirs.id == id
        assert id.startswith(f"{one.server}.")
        assert theirs.user == "anonymous"
        assert theirs.object == {"authenticated_user": "anonymous", "type": "Note", "content": "hear ye"}
        assert theirs.raw == b'{"authenticated_user":"anonymous","type":"Note","content":"hear ye"}'


async def test_a_login_is_called_the_same_by_the_library_and_by_the_nodes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "oyez")
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        async with oyez.connect(net.address):
            pass
        [placed] = [fields for event, fields in net.reports if event == "placed"]
    [line] = [record.getMessage() for record in caplog.records if record.getMessage().startswith("connected: ")]
    assert f"'login': '{placed['login']}'" in line
    assert len(str(placed["login"])) == 8


async def test_text_is_a_note_and_bytes_are_sent_as_they_are() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address) as network:
        await network.post("hear ye")
        await network.post(b' {"n": 1.50,\r\n "u":"\\u00e9"} ')
        assert (await anext(network)).object == {
            "authenticated_user": "anonymous",
            "type": "Note",
            "content": "hear ye",
        }
        assert (await anext(network)).raw == b'{"authenticated_user":"anonymous","n": 1.50,   "u":"\\u00e9"}'


async def test_register_log_in_and_be_known() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        async with oyez.connect(net.address, user="alice", secret="a secret", register=True) as network:
            assert (network.user, network.server, network.connected) == ("alice", "s1", True)
            await network.post({"n": 1})
            assert (await anext(network)).user == "alice"
        async with oyez.connect(net.address, user="alice", secret="a secret") as network:
            await network.post({"n": 2, "authenticated_user": "mallory"})
            assert (await anext(network)).object == {"authenticated_user": "alice", "n": 2}


async def test_posts_keep_the_order_of_their_calls() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address) as network:
        ids = await asyncio.gather(*(network.post({"n": number}) for number in range(2000)))
        activities = [await anext(network) for _ in range(2000)]
        assert [activity.object["n"] for activity in activities] == list(range(2000))
        assert [activity.id for activity in activities] == ids


async def test_a_program_that_only_posts_keeps_nothing_of_the_others() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address, receive=False) as network:
        for number in range(10):
            await network.post({"n": number})
        assert network.waiting == 0


async def test_iteration_ends_when_the_connection_is_closed() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        async with oyez.connect(net.address) as network:
            seen = asyncio.create_task(all_of(network))
            other_loop = asyncio.create_task(all_of(network))
            await network.post({"n": 1})
            await network.post({"n": 2})
        assert sorted(await seen + await other_loop) == [1, 2]
        assert not network.connected
        assert network.server is None
        with pytest.raises(oyez.Closed):
            await network.post({"n": 3})
        await network.aclose()  # once more does no harm


async def all_of(network: oyez.Network) -> list[int]:
    return [activity.object["n"] async for activity in network]


async def test_status_and_who_come_from_a_central() -> None:
    async with (
        asyncio.timeout(PATIENCE),
        town("s1") as net,
        oyez.connect(net.address, user="alice", secret="a secret", register=True) as network,
    ):
        status = await network.status()
        assert [server.id for server in status.servers] == ["s1"]
        assert status.users == 1
        assert str(status.centrals[0].port) in net.address
        who = await network.who()
        while not who.total:  # the server announces an arrival within a tenth of a second
            who = await network.who()
        assert [(one.username, one.server, one.sessions) for one in who.users] == [("alice", "s1", 1)]


async def test_a_connection_is_used_open_and_opened_once() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        network = oyez.connect(net.address)
        with pytest.raises(oyez.Closed):
            await network.post("too early")
        with pytest.raises(oyez.Closed):
            await anext(network)
        await network.aclose()
        async with network:
            with pytest.raises(oyez.Closed):
                await network.open()


async def test_events_are_told_outside_and_their_errors_hurt_nobody() -> None:
    events: list[oyez.Event] = []
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context.get("exception")))

    def on_event(event: oyez.Event) -> None:
        events.append(event)
        raise ZeroDivisionError("the program's own bug")

    async with (
        asyncio.timeout(PATIENCE),
        town("s1") as net,
        oyez.connect(net.address, on_event=on_event) as network,
    ):
        await network.post("still here")
        assert events == [oyez.Connected("s1")]
        assert isinstance(errors[0], ZeroDivisionError)


@pytest.mark.parametrize(
    "given",
    [
        {"user": ""},
        {"user": "x" * 129, "secret": "s"},
        {"user": "alice"},
        {"user": "alice", "secret": ""},
        {"register": True},
        {"centrals": "nowhere"},
        {"centrals": []},
        {"cursor": ""},
        {"cursor": "what is this?"},
    ],
    ids=str,
)
def test_what_cannot_be_right_is_told_at_once(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        oyez.connect(**given)  # type: ignore[arg-type]


def test_it_runs_on_the_loop_of_the_standard_library() -> None:
    async def whole_story() -> None:
        events = asyncio.Queue[oyez.Event]()
        assert type(asyncio.get_running_loop()).__module__.startswith("asyncio.")
        async with (
            asyncio.timeout(PATIENCE),
            town("s1", "s2") as net,
            oyez.connect(
                net.address, user="alice", secret="a secret", register=True, on_event=events.put_nowait
            ) as network,
        ):
            id = await network.post("hear ye")
            assert (await anext(network)).id == id
            net.reset_sessions(network.server or "")
            while not isinstance(await events.get(), oyez.Disconnected):
                pass
            id = await network.post("hear ye again", timeout=PATIENCE)
            assert (await anext(network)).id == id

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(whole_story())
