"""One link on a real socket: what goes in comes out, whole and in order, and its end is told once."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import suppress

import pytest

from oyez.core import effects as fx
from oyez.net import transport
from oyez.net.poller import READ, WRITE
from oyez.protocol.codec import encode
from oyez.protocol.messages import InvalidMessage, RegisterSuccess
from tests.net.stage import A_STATUS, STATUS, Peer, Recorder, Stage, activity_line, activity_lines, node

LAST_WORDS = InvalidMessage("that was wrong", "test")


def follower() -> Recorder:
    """Every link reads the log."""
    role = Recorder()
    role.answers["open"] = lambda link: [fx.Follow(link, role.log, None)]
    return role


async def blocked_follower(stage: Stage) -> tuple[Peer, bytes]:
    """A peer that follows the log and whose link is full, and all that it will have to read."""
    peer = await stage.slow_peer()
    cursor = stage.link(peer.link).cursor
    assert cursor is not None
    published = b""
    while not cursor.blocked:
        lines = activity_lines(stage.role.log.last + 1, 10)
        published += lines
        stage.role.publish(lines)
        await asyncio.sleep(0)
    return peer, published


async def test_lines_come_in_and_go_out() -> None:
    async with node() as stage, await stage.peer() as peer:
        await peer.send(STATUS[:7])
        await peer.send(STATUS[7:] + STATUS)
        await stage.role.until(lambda: len(stage.role.all("message")) == 2)
        assert stage.role.all("message") == [("message", peer.link, A_STATUS)] * 2
        reply = RegisterSuccess("done")
        stage.perform(fx.Send(peer.link, reply))
        assert await peer.read_exactly(len(encode(reply))) == encode(reply)


async def test_what_is_published_reaches_every_follower() -> None:
    lines = activity_lines(1, 100)
    async with node(follower()) as stage:
        peers = [await stage.peer() for _ in range(3)]
        for start in range(0, len(lines), 3000):
            stage.role.publish(lines[start : start + 3000])
        for peer in peers:
            async with peer:
                assert await peer.read_exactly(len(lines)) == lines


async def test_a_slow_reader_reads_on_from_the_log() -> None:
    async with node(follower()) as stage:
        slow, published = await blocked_follower(stage)
        async with slow, await stage.peer() as quick:
            more = b""
            for _ in range(20):
                lines = activity_lines(stage.role.log.last + 1, 200)
                stage.role.publish(lines)
                more += lines
            assert await quick.read_exactly(len(more)) == more
            assert not stage.link(slow.link).outbox, "what a slow reader has not read is in the log, and only there"
            assert await slow.read_exactly(len(published + more)) == published + more


async def test_a_message_lands_between_two_lines_of_the_log() -> None:
    async with node(follower()) as stage:
        peer, published = await blocked_follower(stage)
        async with peer:
            for number in range(3):
                stage.perform(fx.Send(peer.link, RegisterSuccess(f"message {number}")))
            rest = activity_lines(stage.role.log.last + 1, 50)
            stage.role.publish(rest)
            messages = [encode(RegisterSuccess(f"message {number}")) for number in range(3)]
            received = await peer.read_exactly(len(published + rest + b"".join(messages)))
            lines = received.splitlines(keepends=True)
            assert [line for line in lines if b"ACTIVITY" in line] == (published + rest).splitlines(keepends=True)
            assert [line for line in lines if b"ACTIVITY" not in line] == messages
            assert all(json.loads(line) for line in lines)


async def test_the_loop_watches_for_room_only_while_there_is_none() -> None:
    async with node(follower()) as stage:
        peer, published = await blocked_follower(stage)
        async with peer:
            assert stage.transport(peer.link)._wanted == READ | WRITE
            assert await peer.read_exactly(len(published)) == published
            stage.role.publish(activity_line(stage.role.log.last + 1))
            await peer.read_exactly(300)
            assert stage.transport(peer.link)._wanted == READ


async def test_the_last_message_arrives_though_input_was_pending() -> None:
    def refuse(link: int, message: object) -> fx.Effects:
        return [fx.Send(link, LAST_WORDS), fx.Close(link)]

    async with node(Recorder(message=refuse)) as stage, await stage.peer() as peer:
        await peer.send(b"nonsense\n" + b"x" * 1_000_000)
        assert await peer.read_to_end() == encode(LAST_WORDS)
        peer.sock.close()
        await stage.role.seen("close", peer.link)


async def test_the_last_message_arrives_though_a_held_link_had_unread_input() -> None:
    def hold(link: int, message: object) -> fx.Effects:
        return [fx.Hold(link)]

    async with node(Recorder(message=hold)) as stage, await stage.peer() as peer:
        await peer.send(STATUS)
        await stage.role.seen("message", peer.link)
        await peer.send(b"x" * 100_000)
        stage.perform(fx.Send(peer.link, LAST_WORDS), fx.Close(peer.link))
        assert await peer.read_to_end() == encode(LAST_WORDS)


async def test_all_that_was_sent_before_arrives_before_the_end() -> None:
    async with node() as stage, await stage.slow_peer() as peer:
        sent = [RegisterSuccess("x" * 1000 + str(number)) for number in range(500)]
        for message in sent:
            stage.perform(fx.Send(peer.link, message))
        assert stage.link(peer.link).outbox
        stage.perform(fx.Close(peer.link))
        assert await peer.read_to_end() == b"".join(map(encode, sent))


async def test_a_peer_that_takes_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LAST_WORDS", 0.01)
    async with node() as stage, await stage.slow_peer() as peer:
        for _ in range(100):
            stage.perform(fx.Send(peer.link, RegisterSuccess("x" * 10_000)))
        stage.perform(fx.Close(peer.link))
        await stage.role.seen("close", peer.link)
        with pytest.raises(ConnectionResetError):
            await peer.read_to_end()


async def test_a_peer_that_keeps_its_side_open_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LINGER", 0.01)
    async with node() as stage, await stage.peer() as peer:
        stage.perform(fx.Send(peer.link, LAST_WORDS), fx.Close(peer.link))
        await stage.role.seen("close", peer.link)
        assert await peer.read_to_end() == encode(LAST_WORDS)


async def test_a_peer_that_never_stops_talking_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LINGER_BYTES", 1_000_000)
    async with node() as stage, await stage.peer() as peer:
        stage.perform(fx.Close(peer.link))
        with pytest.raises(ConnectionError):
            while True:
                await peer.send(b"x" * 100_000)
        await stage.role.seen("close", peer.link)


async def test_input_after_the_close_is_not_heard() -> None:
    async with node() as stage, await stage.peer() as peer:
        stage.perform(fx.Close(peer.link))
        await peer.send(STATUS)
        peer.sock.close()
        await stage.role.seen("close", peer.link)
        assert stage.role.all("message") == []


async def test_a_peer_that_leaves_is_told_of_once() -> None:
    async with node() as stage:
        peer, other = await stage.peer(), await stage.peer()
        await peer.send(STATUS)
        peer.sock.close()
        await stage.role.seen("close", peer.link)
        other.sock.close()
        await stage.role.seen("close", other.link)
    assert stage.role.all("close") == [("close", peer.link), ("close", other.link)]
    assert stage.role.all("message") == [("message", peer.link, A_STATUS)], "what it said before it left was heard"


async def test_a_reset_is_an_end_like_any_other() -> None:
    async with node() as stage:
        peer = await stage.peer()
        peer.reset()
        await stage.role.seen("close", peer.link)
    assert stage.role.all("close") == [("close", peer.link)]


async def test_what_was_said_before_a_reset_is_heard_and_so_is_the_reset() -> None:
    async with node() as stage:
        peer = await stage.peer()
        await peer.send(STATUS + STATUS[:5])
        peer.reset()  # the node finds both at once
        await stage.role.seen("close", peer.link)
    assert stage.role.all("message") == [("message", peer.link, A_STATUS)]


async def test_a_link_that_was_ended_or_held_in_this_turn_is_not_read() -> None:
    """One link's message ends or holds another that is ready in the same turn, too."""
    role = Recorder()
    async with node(role) as stage:
        peers = [await stage.peer() for _ in range(3)]
        others = {peer.link for peer in peers}

        def silence_the_others(link: int, message: object) -> fx.Effects:
            ended, held = sorted(others - {link})
            return [fx.Close(ended, at_once=True), fx.Hold(held)]

        role.answers["message"] = silence_the_others
        for peer in peers:
            await peer.send(STATUS)
        await role.seen("close")
        assert len(role.all("message")) == 1
        for peer in peers:
            peer.sock.close()


async def test_a_broken_link_takes_everything_and_ends_in_due_course() -> None:
    async with node(follower()) as stage, await stage.peer() as other:
        peer = await stage.peer()
        stage.transport(peer.link).pause()  # so that sending is what finds out
        peer.reset()
        published = b""
        while peer.link in stage.node.environment.host.links:
            lines = activity_lines(stage.role.log.last + 1, 10)
            published += lines
            stage.role.publish(lines)
            stage.perform(fx.Send(peer.link, LAST_WORDS), fx.Send(peer.link, LAST_WORDS))
            await asyncio.sleep(0)
        assert stage.role.all("close") == [("close", peer.link)]
        assert await other.read_exactly(len(published)) == published


async def test_nothing_is_told_from_within_a_call() -> None:
    async with node() as stage:
        peer = await stage.peer()
        link = stage.transport(peer.link)
        link.pause()
        peer.reset()
        while not link._failing:
            assert link.send(b"x\n") == 2
            assert stage.role.all("close") == []
            if not link._failing:
                await asyncio.sleep(0)
        link.resume()
        link.close(b"rest")
        link.abort()
        assert stage.role.all("close") == []
        await stage.role.seen("close", peer.link)
        link.abort()
        link.close(b"")
        link.pause()
        link.resume()
        assert link.send(b"late") == 4
    assert stage.role.all("close") == [("close", peer.link)]


async def test_an_abort_ends_the_link_at_once() -> None:
    async with node() as stage, await stage.slow_peer() as peer:
        for _ in range(100):
            stage.perform(fx.Send(peer.link, RegisterSuccess("x" * 10_000)))
        stage.perform(fx.Close(peer.link, at_once=True))
        await stage.role.seen("close", peer.link)
        with pytest.raises(ConnectionResetError):
            await peer.read_to_end()


async def test_a_held_link_is_not_read() -> None:
    role = Recorder()

    def heard(peer: Peer) -> int:
        return sum(event[1] == peer.link for event in role.all("message"))

    async with node(role) as stage, await stage.peer() as peer, await stage.peer() as other:
        role.answers["message"] = lambda link, message: [fx.Hold(link)] if link == peer.link else []
        await peer.send(STATUS + STATUS)
        await role.until(lambda: heard(peer) == 1)
        await peer.send(STATUS * 100)
        for number in range(100):
            await other.send(STATUS)
            await role.until(lambda expected=number + 1: heard(other) == expected)  # type: ignore[misc]
        assert heard(peer) == 1
        role.answers.clear()
        stage.perform(fx.Release(peer.link))
        await role.until(lambda: heard(peer) == 102)


async def test_a_link_may_end_before_it_is_read_for_the_first_time() -> None:
    async def ends(*effects: fx.Effect) -> None:
        async with node(Recorder(open=lambda link: list(effects))) as stage, await stage.peer() as peer:
            with suppress(ConnectionError):
                await peer.send(STATUS)
                assert await peer.read_to_end() == b""
            peer.sock.close()
            await stage.role.seen("close", peer.link)
            assert stage.role.all("message") == []

    await ends(fx.Close(1))
    await ends(fx.Hold(1), fx.Close(1))


@pytest.mark.skipif(sys.platform != "linux", reason="options by their Linux names")
async def test_each_link_notices_a_peer_that_vanishes() -> None:
    async with node() as stage, await stage.peer() as peer:
        stage.perform(fx.Dial(stage.node.address, "myself"))
        await stage.role.seen("dialed")
        for number in (peer.link, stage.role.all("dialed")[0][1]):
            sock = stage.socket(number)
            assert not sock.getblocking()
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            tcp = [socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT]
            assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in tcp] == [1, 15, 5, 3]
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == transport.SILENCE_MS
