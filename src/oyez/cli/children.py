"""Nodes as child processes: started, listened to, started again when they die, stopped.

Guarantees: a child never outlives its parent, however that ends: its standard input is a pipe that closes then. Each is
a process group of its own, so that Ctrl-C reaches the parent alone, which stops them in order. Must not know: what the
children do for each other.

What stops a child at once is SIGINT; by SIGTERM a server would first see where its sessions can go.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable

GRACE = 10.0
"""Seconds from SIGINT to SIGKILL."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
"""Seconds before a child that died is started again, and what this doubles up to."""

STEADY = 30.0
"""Seconds of running after which a death is the first again."""

LONGEST_LINE = 4 * 1024 * 1024
LAST_WORDS = "oyez: "
"""How the sentence begins with which a command ends."""


class DidNotStart(Exception):
    """A child ended before it was ready; the message is its sentence."""


class Child:
    """`python -m oyez ...` in this `environment`, with what `arguments` gives at each start; `log` gets its name and
    each line it logs.

    One that `may_leave` is not started again once it has ended well.
    """

    def __init__(
        self,
        name: str,
        arguments: Callable[[], list[str]],
        environment: dict[str, str],
        log: Callable[[str, str], None],
        say: Callable[[str], None],
        may_leave: bool = False,
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._log = log
        self._say = say
        self._may_leave = may_leave
        self._address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._last_words = ""
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._running = asyncio.create_task(self._keep_running())

    async def started(self) -> str:
        """Its address, once it has been ready for the first time. Raises DidNotStart."""
        return await asyncio.shield(self._address)

    async def stop(self) -> None:
        """Let it end cleanly, and wait for that; after `GRACE` it is killed."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        _, late = await asyncio.wait([self._running], timeout=GRACE)
        if late:
            self._say(f"{self.name} did not end within {GRACE:.0f} s of SIGINT and is killed")
            self.kill()
        await self._running

    def kill(self) -> None:
        """End it now."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _keep_running(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run()
            if self._stopping.is_set():
                break
            if code == 0 and self._may_leave and self._address.done():
                self._say(f"{self.name} has left, and is not started again")
                break
            if not self._address.done():
                self._address.set_exception(DidNotStart(self._last_words or f"{self.name} {_how_it_ended(code)}"))
                self._address.exception()  # whoever asked for something else first need not hear of it
                break
            wait = FIRST_WAIT if time.monotonic() - began > STEADY else wait
            self._say(f"{self.name} {_how_it_ended(code)}: it is started again in {wait:g} s")
            await self._pause(wait)
            wait = min(LONGEST_WAIT, wait * 2)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _run(self) -> int:
        """Run it once; its exit code."""
        pipe = asyncio.subprocess.PIPE
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "oyez", *self._arguments()),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=self._environment,
            limit=LONGEST_LINE,
            process_group=0,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if self._stopping.is_set():  # asked for while it was being made
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.gather(self._hear(process.stdout), self._read_log(process.stderr))
            return await process.wait()
        finally:
            process.stdin.close()

    async def _hear(self, output: asyncio.StreamReader) -> None:
        """Its standard output has one line: `ready ROLE HOST:PORT`."""
        async for line in output:
            words = line.decode().split()
            if words[:1] == ["ready"] and not self._address.done():
                self._address.set_result(words[-1])
            elif words[:1] == ["ready"]:
                self._say(f"{self.name} is back at {words[-1]}")

    async def _read_log(self, errors: asyncio.StreamReader) -> None:
        async for line in errors:
            text = line.decode(errors="replace").rstrip("\n")
            if text.startswith(LAST_WORDS):
                self._last_words = text.removeprefix(LAST_WORDS)
                if self._address.done():
                    self._say(f"{self.name}: {self._last_words}")
            else:
                self._log(self.name, text)


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
