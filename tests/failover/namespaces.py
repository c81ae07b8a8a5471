"""Machines of one's own on this one: network namespaces on two bridges, between which no packet passes.

Each node has a namespace and one cable (a veth pair), plugged into the bridge `near`. To cut nodes off, their cables
are plugged into the bridge `far`: from then on nothing arrives in either direction, and nobody is told. The thread that
makes them reaches both sides: it moves into a namespace of its own, where the bridges are, so that the machine's own
network stays as it is (a browser of another test breaks off what it loads when that changes). Everything is made here
and removed at the end; it needs root.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_PID = os.getpid()
NET = f"10.{128 + _PID // 256 % 127}.{_PID % 256}"
"""Addresses of the nodes and of this process: others may run the same tests at the same time."""

MAC = "02:00:00:fe:4d:fe"
"""Of both bridges: who was plugged over still knows the way to this process."""


_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of sched.h; `os.unshare` comes with Python 3.12."""


class Aside:
    """This thread, and whatever it starts, in an empty network of its own; use as a context manager."""

    def __enter__(self) -> Self:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _check(_LIBC.unshare(_NEW_NETWORK))
        except OSError:
            os.close(self._home)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            _check(_LIBC.setns(self._home, _NEW_NETWORK))
        finally:
            os.close(self._home)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def why_not() -> str | None:
    """Why namespaces can't be made here; None where they can."""
    if shutil.which("ip") is None:
        return "there is no ip command to make network namespaces with"
    if os.geteuid() != 0:
        return "making network namespaces takes root"
    try:
        with Aside():
            wrong = _try()
    except OSError as error:
        wrong = str(error)
    return f"this machine makes no network namespaces: {wrong}" if wrong else None


def _try() -> str:
    tried = f"oyez-try-{_PID}"
    try:
        for command in (["netns", "add", tried], ["link", "add", "oztry", "type", "bridge"]):
            made = subprocess.run(["ip", *command], capture_output=True, text=True, check=False)
            if made.returncode:
                return made.stderr.strip()
    finally:
        subprocess.run(["ip", "netns", "del", tried], capture_output=True, check=False)
    return ""


class Machines:
    """Namespaces with these names; use as a context manager."""

    def __init__(self, names: Sequence[str]) -> None:
        self._tag = f"oz{_PID % 100_000}"
        self._numbers = {name: number for number, name in enumerate(names, 1)}
        self._far: set[str] = set()
        self._aside = Aside()

    def __enter__(self) -> Self:
        self._aside.__enter__()
        try:
            self._ip("link", "set", "lo", "up")
            for side in ("near", "far"):
                self._ip("link", "add", self._bridge(side), "address", MAC, "type", "bridge")
                self._ip("link", "set", self._bridge(side), "up")
            self._ip("address", "add", f"{NET}.254/24", "dev", self._bridge("near"))
            for name in self._numbers:
                self._add(name)
        except BaseException:
            self._remove_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove_all()

    def address(self, name: str) -> str:
        """Of this machine."""
        return f"{NET}.{self._numbers[name]}"

    def enter(self, name: str) -> list[str]:
        """The command that runs what follows it on this machine."""
        return ["ip", "netns", "exec", self._namespace(name)]

    def cut_off(self, *names: str) -> None:
        """These still reach each other and this process, and none of the other machines."""
        for name in names:
            self._ip("link", "set", self._cable(name), "master", self._bridge("far"))
            self._ip("route", "replace", f"{self.address(name)}/32", "dev", self._bridge("far"), "src", f"{NET}.254")
            self._far.add(name)

    def heal(self) -> None:
        """Everybody reaches everybody."""
        for name in self._far:
            self._ip("route", "del", f"{self.address(name)}/32", "dev", self._bridge("far"))
            self._ip("link", "set", self._cable(name), "master", self._bridge("near"))
        self._far.clear()

    def _add(self, name: str) -> None:
        namespace, inside = self._namespace(name), f"{self._cable(name)}i"
        self._ip("netns", "add", namespace)
        self._ip("link", "add", self._cable(name), "type", "veth", "peer", "name", inside, "netns", namespace)
        self._ip("link", "set", self._cable(name), "master", self._bridge("near"), "up")
        self._ip("-n", namespace, "address", "add", f"{self.address(name)}/24", "dev", inside)
        self._ip("-n", namespace, "link", "set", inside, "up")
        self._ip("-n", namespace, "link", "set", "lo", "up")

    def _remove_all(self) -> None:
        """Whatever of it there is; a cable goes with its namespace, the bridges with that of this thread."""
        for name in self._numbers:
            subprocess.run(["ip", "netns", "del", self._namespace(name)], capture_output=True, check=False)
        self._aside.__exit__(None, None, None)

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], capture_output=True, check=True)

    def _bridge(self, side: str) -> str:
        return f"{self._tag}{side}"

    def _cable(self, name: str) -> str:
        return f"{self._tag}{name}"

    def _namespace(self, name: str) -> str:
        return f"{self._tag}-{name}"
