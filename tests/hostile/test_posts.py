"""What is posted: too much of it, too long, too deep, too many brackets, numbers that no program can hold."""

import oyez
from tests.blackbox.people import ANONYMOUS
from tests.blackbox.processes import Network
from tests.blackbox.wire import encode
from tests.hostile.strangers import Honest, attack, enters, fate, logged

FLOOD = 1500


def test_who_posts_too_fast_is_slowed_and_loses_nothing(network: Network, honest: Honest) -> None:
    with attack("127.0.10.1") as attacker:
        link = attacker.connects(network.servers["s1"])
        assert enters(link) == "LOGIN_SUCCESS"
        link.send_raw(b"".join(encode(ANONYMOUS.post({"flood": number})) for number in range(FLOOD)))
        honest.go_on()
        seen: list[int] = []
        while len(seen) < FLOOD:
            activity = link.expect_activity()
            seen += [activity["flood"]] if "flood" in activity else []
        assert seen == list(range(FLOOD))
        honest.go_on()
    assert logged(network, "s1", "slowed")


def test_lines_that_nobody_should_send(network: Network, honest: Honest) -> None:
    lines = {
        "line_too_long": b'{"command":"' + b"x" * 70_000,
        "too_deep": encode(ANONYMOUS.post({"a": 1})).replace(b'"a": 1', b'"a":' + b"[" * 400 + b"]" * 400),
        "not_json": b'{"command":"LOGIN",\n',
        "not_utf8": b'{"command":"\xff"}\n',
        "malformed": b"[1,2,3]\n",
    }
    with attack("127.0.10.2") as attacker:
        for reason, line in lines.items():
            for address in (network.central, *network.servers.values()):
                link = attacker.connects(address)
                if address != network.central:
                    assert enters(link) == "LOGIN_SUCCESS"
                link.send_while_open(line)
                expected = {reason, "not_logged_in"} if address == network.central else {reason}
                assert fate(link) in expected
        honest.go_on()


def test_lines_full_of_brackets_with_a_forged_author(network: Network, honest: Honest) -> None:
    """They are legal: everybody gets them, with the true author, and nobody waits for them."""
    many = b'{"authenticated_user":"alice","hostile":[' + b",".join([b"[]"] * 16_000) + b"]}"
    line = b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":' + many + b"}\n"
    with attack("127.0.10.3") as attacker:
        link = attacker.connects(network.servers["s1"])
        assert enters(link) == "LOGIN_SUCCESS"
        for _ in range(40):
            link.send_raw(line)
        honest.go_on()
        seen = 0
        while seen < 40:
            activity = link.expect_activity()
            if "hostile" in activity:
                assert activity["authenticated_user"] == "anonymous"
                assert len(activity["hostile"]) == 16_000
                seen += 1


async def test_numbers_that_no_program_can_hold(network: Network, honest: Honest) -> None:
    """The library gives them to its user all the same."""
    line = b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"hostile":1e400,"n":%b}}\n' % (
        b"9" * 4000
    )
    async with oyez.connect(str(network.central)) as client:
        with attack("127.0.10.4") as attacker:
            link = attacker.connects(network.servers["s2"])
            assert enters(link) == "LOGIN_SUCCESS"
            link.send_raw(line)
            async for activity in client:
                if b"hostile" in activity.raw:
                    assert activity.object["hostile"] == float("inf")
                    assert activity.user == "anonymous"
                    break
        await client.post({"still": "here"})
