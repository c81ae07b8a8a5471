"""Library clients in a process of their own: `python talkers.py CENTRALS COUNT RATE [REGISTERED]`.

They post RATE messages a second in all, several at a time, each with its sender and number, and check what they
receive: every sender's in order, none twice. The first REGISTERED of them have a name; the others are anonymous.

On standard output: a line `ready` once all are connected; for each line on standard input one JSON object. `progress`
gives counts so far; `finish` ends the posting, waits until everybody has all that was acknowledged to its sender, and
gives the counts with all that was `wrong`. Imports the library as its users do, and nothing of the tests.
"""

import asyncio
import json
import random
import sys
import time
from typing import Any

import oyez

ARRIVED = 60.0
"""Seconds in which what was acknowledged has reached everybody, however busy the machine is."""

SETTLED = 90.0
"""Seconds in which a post has come back: more than any one failure takes."""

BURST = 4
"""Most posts of one client at a time."""

LOGINS = 20
"""Clients that connect at a time."""

TICK = 0.05
"""Seconds between two looks at how late this process is itself."""


class Talker:
    """One client: `name` is in all its posts."""

    def __init__(self, name: str, crowd: "Crowd", network: oyez.Network) -> None:
        self.name = name
        self.posted = 0
        self.last: dict[str, int] = {}
        """The highest number heard, by sender."""
        self.longest_silence = 0.0
        self._skipped: dict[str, set[int]] = {}
        self._last_id: dict[str, str] = {}
        self._heard_at = 0.0
        self._crowd = crowd
        self._network = network

    async def listen(self) -> None:
        async for activity in self._network:
            self._crowd.deliveries += 1
            said = activity.object
            if said.get("crowd") == self._crowd.token:
                self.hear(said["sender"], said["number"], activity.id)

    def hear(self, sender: str, number: int, id: str) -> None:
        self.mind_silence()
        last = self.last.get(sender, 0)
        if number <= last:
            before = f"number {last} ({self._last_id[sender]})"
            self._crowd.complain(f"{self.name} heard number {number} of {sender} ({id}) after {before}")
            self._skipped.get(sender, set()).discard(number)
            return
        if number > last + 1:
            self._skipped.setdefault(sender, set()).update(range(last + 1, number))
        self.last[sender], self._last_id[sender] = number, id

    def mind_silence(self, begin: bool = False) -> None:
        """It ends now."""
        now = time.monotonic()
        if self._heard_at and not begin and self._crowd.posting:
            self.longest_silence = max(self.longest_silence, now - self._heard_at)
        self._heard_at = now

    async def talk(self, pause: float) -> None:
        """Until the posting is over; on average one post in `pause` seconds."""
        while self._crowd.posting:
            count = random.randint(1, BURST)
            await self._crowd.wait(random.uniform(0, 2 * pause * count))
            if self._crowd.posting:
                await asyncio.gather(*(self._post() for _ in range(count)))

    async def _post(self) -> None:
        self.posted += 1
        number = self.posted
        said = {"type": "Note", "crowd": self._crowd.token, "sender": self.name, "number": number}
        try:
            await self._network.post(said, timeout=SETTLED)
        except oyez.PostUnsettled as error:
            self._crowd.failed.append(f"{self.name}, number {number}: {error}")
        else:
            self._crowd.acknowledged.setdefault(self.name, set()).add(number)

    def lacks(self, acknowledged: dict[str, set[int]]) -> list[str]:
        """What it should have heard, and has not."""
        missing = []
        for sender, numbers in acknowledged.items():
            last, skipped = self.last.get(sender, 0), self._skipped.get(sender, set())
            lost = sorted((skipped & numbers) | {number for number in numbers if number > last})
            if lost:
                missing.append(f"{self.name} lacks {lost[:5]} of {sender}, in all {len(lost)}")
        return missing

    def on_event(self, event: oyez.Event) -> None:
        match event:
            case oyez.Connected():
                self._crowd.connected += 1
            case oyez.Moved():
                self._crowd.moved += 1
            case oyez.Gap():
                self._crowd.complain(f"{self.name} was told of a gap: {event}")


class Crowd:
    """All of them."""

    def __init__(self) -> None:
        self.token = f"{random.SystemRandom().getrandbits(32):08x}"
        self.posting = True
        self.deliveries = self.connected = self.moved = self.complaints = 0
        self.acknowledged: dict[str, set[int]] = {}
        self.failed: list[str] = []
        self.wrong: list[str] = []
        self.late = 0.0
        self._talkers: list[Talker] = []
        self._networks: list[oyez.Network] = []
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def complain(self, what: str) -> None:
        self.complaints += 1
        if self.complaints <= 10:
            self.wrong.append(what)

    async def wait(self, seconds: float) -> None:
        """So long, or until the posting is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass

    async def run(self, centrals: str, count: int, rate: float, registered: int) -> None:
        some = asyncio.Semaphore(LOGINS)
        await asyncio.gather(*(self._connect(centrals, number, number < registered, some) for number in range(count)))
        watch = asyncio.create_task(self._watch())
        listening = [asyncio.create_task(talker.listen()) for talker in self._talkers]
        for talker in self._talkers:
            talker.mind_silence(begin=True)
        talking = [asyncio.create_task(talker.talk(count / rate)) for talker in self._talkers]
        self._tasks = [*listening, *talking]
        print("ready", flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if line == b"progress\n":
                self._print({})
            elif line == b"finish\n":
                await self._finish(talking, listening)
                break
        watch.cancel()

    async def _connect(self, centrals: str, number: int, named: bool, some: asyncio.Semaphore) -> None:
        name = f"t{number}"
        talkers: list[Talker] = []  # it is told of events before it is there

        def on_event(event: oyez.Event) -> None:
            talkers[0].on_event(event)

        user, secret = (f"{name}-{self.token}", f"the secret of {name}") if named else ("anonymous", None)
        network = oyez.connect(
            centrals, user=user, secret=secret, register=named, timeout=ARRIVED, on_event=on_event, buffer=1 << 26
        )
        talkers.append(Talker(name, self, network))
        async with some:
            await network.open()
        self._networks.append(network)
        self._talkers.append(talkers[0])

    async def _watch(self) -> None:
        """A silence that this process makes itself is not the network's."""
        loop = asyncio.get_running_loop()
        while self.posting:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            self.late = max(self.late, loop.time() - due)

    async def _finish(self, talking: list[asyncio.Task[None]], listening: list[asyncio.Task[None]]) -> None:
        for talker in self._talkers:
            talker.mind_silence()
        self.posting = False
        self._over.set()
        await asyncio.gather(*talking)
        deadline = time.monotonic() + ARRIVED
        while any(talker.lacks(self.acknowledged) for talker in self._talkers) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        for talker in self._talkers:
            for lack in talker.lacks(self.acknowledged):
                self.complain(lack)
        await asyncio.gather(*(network.aclose() for network in self._networks))
        await asyncio.gather(*listening)  # what still arrived is checked, too
        self._print({"wrong": self.wrong, "complaints": self.complaints})

    def _print(self, more: dict[str, Any]) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        slowest = max(self._talkers, key=lambda talker: talker.longest_silence)
        counts = {
            "clients": len(self._talkers),
            "posted": sum(talker.posted for talker in self._talkers),
            "acknowledged": sum(map(len, self.acknowledged.values())),
            "failed": self.failed[:10],
            "unsettled": len(self.failed),
            "deliveries": self.deliveries,
            "moved": self.moved,
            "came_back": self.connected - len(self._talkers),
            "longest_silence": round(slowest.longest_silence, 3),
            "longest_silence_of": slowest.name,
            "late": round(self.late, 3),
        }
        print(json.dumps(counts | more), flush=True)


if __name__ == "__main__":
    _, centrals, count, rate, *registered = sys.argv
    asyncio.run(Crowd().run(centrals, int(count), float(rate), int(registered[0]) if registered else 0))
