"""What a program is told when it is refused, when nobody answers, and when the network changes under it."""

import asyncio

import pytest

import oyez
from tests.client.town import PATIENCE, town
from tests.client.toys import Visit, toy, welcoming

# Refused


async def test_refusals_have_a_reason_and_a_sentence() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        await oyez.register("alice", "a secret", net.address)
        with pytest.raises(oyez.Refused, match="wrong") as wrong:
            await oyez.connect(net.address, user="alice", secret="a guess").open()
        assert wrong.value.reason == "wrong_credentials"
        with pytest.raises(oyez.Refused, match="already registered") as taken:
            await oyez.connect(net.address, user="alice", secret="a secret", register=True).open()
        assert taken.value.reason == "already_registered"
        assert isinstance(taken.value, oyez.OyezError)


async def test_anonymous_may_be_switched_off() -> None:
    async with asyncio.timeout(PATIENCE), town("s1", anonymous=False) as net:
        with pytest.raises(oyez.Refused) as refused:
            await oyez.connect(net.address).open()
        assert refused.value.reason == "anonymous_off"


async def test_a_session_that_is_refused_for_good_later_ends_with_the_refusal() -> None:
    async def let_in_once(visit: Visit) -> None:
        if visit.toy.visits <= 2:
            await welcoming(cut)(visit)
        else:
            await visit.hear()
            await visit.say("LOGIN_FAILED", info="you were removed", reason="wrong_credentials")

    async with asyncio.timeout(PATIENCE), toy(let_in_once) as toys, oyez.connect(toys.address) as network:
        with pytest.raises(oyez.Refused, match="you were removed"):
            await anext(network)
        with pytest.raises(oyez.Refused, match="you were removed"):
            await network.post("too late")
        assert not network.connected


# Unreachable


async def test_where_nobody_listens() -> None:
    async with toy(cut) as gone:
        pass
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(oyez.Unreachable, match=gone.address):
            await oyez.connect(gone.address).open()
        with pytest.raises(oyez.Unreachable, match=gone.address):
            await oyez.status(gone.address)


async def test_a_network_without_servers_says_so() -> None:
    async with asyncio.timeout(PATIENCE), town() as net:
        with pytest.raises(oyez.Unreachable, match="no server"):
            await oyez.connect(net.address).open()


async def test_who_listens_but_never_answers_is_given_up() -> None:
    async with asyncio.timeout(PATIENCE), toy(be_silent) as silent:
        with pytest.raises(oyez.Unreachable, match=silent.address):
            await oyez.connect(silent.address, timeout=0.2).open()
        with pytest.raises(oyez.Unreachable, match=silent.address):
            await oyez.status(silent.address, timeout=0.2)


async def test_three_redirects_in_a_row_are_followed_and_no_more() -> None:
    async def send_on(visit: Visit) -> None:
        await visit.hear()
        await visit.say("LOGIN_SUCCESS", info="welcome")
        await visit.say("REDIRECT", hostname="127.0.0.1", port=visit.toy.port)
        await visit.hear()

    async with asyncio.timeout(PATIENCE), toy(send_on) as toys:
        with pytest.raises(oyez.Unreachable, match="more than 3 redirects"):
            await oyez.connect(toys.address).open()
        assert toys.visits % 4 == 0
        toys.visits = 0
        with pytest.raises(oyez.Unreachable):  # LOGIN_SUCCESS is no answer to STATUS
            await oyez.status(toys.address)
        assert toys.visits == 1


async def test_another_central_is_asked_where_one_is_away() -> None:
    async with toy(cut) as gone:
        pass
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        both = [gone.address, net.address]
        assert (await oyez.status(both)).servers
        async with oyez.connect(both) as network:
            assert network.server == "s1"
        async with oyez.connect(",".join(both)) as network:
            assert network.server == "s1"


async def test_what_answers_but_is_no_central() -> None:
    async def speak_another_language(visit: Visit) -> None:
        await visit.hear()
        await visit.say_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with asyncio.timeout(PATIENCE), toy(speak_another_language) as toys:
        with pytest.raises(oyez.Unreachable, match="no central"):
            await oyez.status(toys.address)
        with pytest.raises(oyez.Unreachable, match=toys.address):
            await oyez.connect(toys.address).open()


async def test_a_server_sends_those_who_register_to_its_central() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net:
        await oyez.register("alice", "a secret", str(net.servers["s1"].node.address))
        with pytest.raises(oyez.Refused, match="already registered"):
            await oyez.register("alice", "another", net.address)


async def test_who_asks_for_credentials() -> None:
    async with asyncio.timeout(PATIENCE), town("s1", anonymous=False) as net:
        await oyez.register("alice", "a secret", net.address)
        assert (await oyez.who(net.address, user="alice", secret="a secret")).total == 0
        with pytest.raises(oyez.Refused):
            await oyez.who(net.address)


async def test_giving_up_a_login_closes_what_was_opened() -> None:
    async with toy(be_silent) as silent:
        opening = asyncio.create_task(oyez.connect(silent.address).open())
        async with asyncio.timeout(PATIENCE):
            await silent.visited.wait()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening


# Coming back


async def test_after_a_reset_it_comes_back_and_posting_goes_on() -> None:
    events = asyncio.Queue[oyez.Event]()
    async with (
        asyncio.timeout(PATIENCE),
        town("s1", "s2") as net,
        oyez.connect(
            net.address, user="alice", secret="a secret", register=True, on_event=events.put_nowait
        ) as network,
    ):
        for number in range(5):
            assert isinstance(await events.get(), oyez.Connected)
            await network.post({"n": number})
            assert (await anext(network)).object["n"] == number
            net.reset_sessions(str(network.server))
            assert isinstance(await events.get(), oyez.Disconnected)
        assert isinstance(await events.get(), oyez.Connected)


async def test_it_finds_another_server_when_its_own_stops() -> None:
    events = asyncio.Queue[oyez.Event]()
    async with (
        asyncio.timeout(PATIENCE),
        town("s1", "s2") as net,
        oyez.connect(net.address, on_event=events.put_nowait) as network,
    ):
        assert isinstance(await events.get(), oyez.Connected)
        left = str(network.server)
        await net.stop_server(left)
        while not isinstance(event := await events.get(), oyez.Connected | oyez.Moved):
            pass
        assert event.server == network.server != left
        await network.post("from the other one")


async def test_a_post_without_a_link_waits_for_the_next_one() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address) as network:
        await net.stop_server("s1")
        posting = asyncio.create_task(network.post("patience", timeout=PATIENCE))
        await asyncio.sleep(0)
        await net.start_server("s1")
        assert (await posting).startswith("s1.")
        assert (await anext(network)).object["content"] == "patience"


async def test_a_session_that_is_moved_says_so() -> None:
    events = asyncio.Queue[oyez.Event]()

    async def stay(visit: Visit) -> None:
        await visit.hear()

    async with asyncio.timeout(PATIENCE), toy(welcoming(stay, server="there")) as there:

        async def send_there(visit: Visit) -> None:
            await visit.say("REDIRECT", hostname="127.0.0.1", port=there.server_port)
            await visit.hear()

        async with (
            toy(welcoming(send_there, server="here")) as here,
            oyez.connect(here.address, on_event=events.put_nowait) as network,
        ):
            assert await events.get() == oyez.Connected("here")
            assert await events.get() == oyez.Moved("there")
            assert network.server == "there"


# Unsettled


async def test_a_post_that_does_not_come_back_in_time_is_unsettled() -> None:
    async with asyncio.timeout(PATIENCE), toy(welcoming(be_silent)) as toys, oyez.connect(toys.address) as network:
        with pytest.raises(oyez.PostUnsettled, match="not come back within") as unsettled:
            await network.post("to nowhere", timeout=0.05)
        assert unsettled.value.sent


async def test_a_post_that_never_left_says_so() -> None:
    async with asyncio.timeout(PATIENCE), town("s1") as net, oyez.connect(net.address) as network:
        await net.stop_server("s1")
        with pytest.raises(oyez.PostUnsettled, match="not sent") as unsettled:
            await network.post("to nobody", timeout=0.05)
        assert not unsettled.value.sent
        await net.start_server("s1")
        await network.post("to somebody", timeout=PATIENCE)
        assert (await anext(network)).object["content"] == "to somebody"


async def test_a_post_under_way_when_the_program_closes_is_unsettled() -> None:
    async with asyncio.timeout(PATIENCE), toy(welcoming(be_silent)) as toys:
        async with oyez.connect(toys.address) as network:
            posting = asyncio.create_task(network.post("to nowhere"))
            await asyncio.sleep(0.01)
        with pytest.raises((oyez.PostUnsettled, oyez.Closed)):
            await posting


async def be_silent(visit: Visit) -> None:
    while await visit.hear():
        pass


async def cut(visit: Visit) -> None:
    visit.cut()
