"""Links are TCP-like: in order, bounded, and with every way of failing."""

from random import Random

import pytest

from oyez.core.timing import REACH
from oyez.protocol.messages import Address
from oyez.sim.clock import Clock
from oyez.sim.network import Network
from oyez.sim.wire import Conditions, End
from tests.sim.toys import Owner

THERE = Address("there", 1)


class Net:
    """Two machines with a link between them."""

    def __init__(self, window: tuple[int, int] = (1000, 1000)) -> None:
        self.clock = Clock()
        self.network = Network(self.clock, Random(1), Conditions(window=window))
        self.network.listen(THERE, "there", self._accept)
        self.owners: list[Owner] = []
        self.failed: list[str] = []
        self.dial()

    def dial(self) -> None:
        self.network.dial("here", THERE, self._accept, self.failed.append)
        self.clock.run(self.clock.now + 1.0)

    def _accept(self, end: End) -> None:
        self.owners.append(Owner(end))

    @property
    def near(self) -> Owner:
        return self.owners[1]

    @property
    def far(self) -> Owner:
        return self.owners[0]

    def run(self, seconds: float = 1.0) -> None:
        self.clock.run(self.clock.now + seconds)


def test_bytes_arrive_in_order_and_later() -> None:
    net = Net()
    assert net.near.end.out.send(b"one ") == 4
    assert net.near.end.out.send(b"two") == 3
    assert net.far.got == b""
    net.run()
    assert net.far.got == b"one two"


def test_a_writer_gets_no_more_in_than_the_window_until_the_reader_reads() -> None:
    net = Net()
    net.far.reads = False
    assert net.near.end.out.send(b"x" * 1500) == 1000
    assert net.near.end.out.send(b"x") == 0
    net.run()
    assert net.near.room == 0
    net.far.reads = True
    net.far.readable()
    net.run()
    assert net.near.room == 1
    assert net.near.end.out.send(b"x" * 1500) == 1000


def test_the_end_of_a_stream_comes_behind_its_bytes() -> None:
    net = Net()
    net.near.end.out.send(b"last words")
    net.near.end.out.finish("closed")
    net.run()
    assert (net.far.got, net.far.finished) == (b"last words", "closed")


@pytest.mark.parametrize("seed", range(10))
def test_a_reset_loses_a_suffix_and_both_ends_learn_of_it(seed: int) -> None:
    net = Net()
    for number in range(9):
        net.near.end.out.send(b"%d" % number)
    next(iter(net.network.links.values())).reset("reset")
    net.run()
    net.far.readable()
    assert b"012345678".startswith(net.far.got)
    assert (net.near.why, net.far.why) == ("reset", "reset")
    assert net.network.links == {}
    assert net.near.end.out.send(b"more") == 4  # a broken link takes everything


def test_what_is_stalled_moves_on_afterwards() -> None:
    net = Net()
    link = next(iter(net.network.links.values()))
    link.hold()
    net.near.end.out.send(b"there")
    net.far.end.out.send(b"back")
    net.run()
    assert (net.far.got, net.near.got) == (b"", b"")
    link.free()
    net.run()
    assert (net.far.got, net.near.got) == (b"there", b"back")


def test_silence_one_way_keeps_acknowledgements_back_too() -> None:
    net = Net()
    net.network.sever("there", "here")
    assert net.near.end.out.send(b"x" * 1500) == 1000
    net.run()
    assert len(net.far.got) == 1000
    assert net.near.end.out.send(b"x") == 0
    net.network.mend("there", "here")
    net.run()
    assert net.near.end.out.send(b"x") == 1


def test_a_machine_without_power_says_nothing_until_it_is_back() -> None:
    net = Net()
    net.network.power("there", up=False)
    net.far.end.disappear()
    net.near.end.out.send(b"anybody there?")
    net.run(5)
    assert net.near.why == ""
    net.network.power("there", up=True)
    net.run(5)
    assert net.near.why == "reset"


def test_a_writer_that_waits_for_room_learns_that_the_machine_is_back_without_its_link() -> None:
    net = Net()
    net.far.reads = False
    net.near.end.out.send(b"x" * 2000)
    net.run()
    net.network.power("there", up=False)
    net.far.end.disappear()
    net.run(5)
    assert net.near.why == ""
    net.network.power("there", up=True)
    net.run(5)
    assert net.near.why == "reset"


def test_a_silent_peer_is_given_up_in_the_end() -> None:
    net = Net()
    net.network.power("there", up=False)
    net.far.end.disappear()
    net.run(40)
    assert net.near.why == "timed out"


def test_a_peer_that_takes_nothing_is_given_up_in_the_end() -> None:
    net = Net()
    net.far.reads = False
    net.near.end.out.send(b"x" * 2000)
    net.run(30)
    assert net.near.why == ""
    net.run(10)
    assert net.near.why == "timed out"


def test_a_dial_to_where_nobody_listens_is_refused() -> None:
    net = Net()
    net.network.listen(THERE, "there", None)
    net.dial()
    assert net.failed == ["refused"]


def test_a_dial_into_the_void_times_out() -> None:
    net = Net()
    net.network.sever("here", "there")
    net.dial()
    assert net.failed == []
    net.run(REACH)
    assert net.failed == ["timed out"]


def test_a_dial_gets_through_when_the_path_is_mended_in_time() -> None:
    net = Net()
    net.network.sever("there", "here")
    net.dial()
    net.network.mend("there", "here")
    net.run(REACH)
    assert net.failed == []
    assert len(net.owners) == 4


def test_what_was_said_before_anybody_owned_the_end_is_not_lost() -> None:
    """The one who is dialed may speak, and even hang up, before the dialer knows that it has a link."""
    net = Net()

    def greet(end: End) -> None:
        end.out.send(b"welcome")
        end.out.finish("closed")
        net.owners.append(Owner(end))

    net.network.listen(THERE, "there", greet)
    net.dial()
    assert (net.owners[3].got, net.owners[3].finished) == (b"welcome", "closed")
