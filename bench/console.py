"""What the console costs a central: `python -m bench.console [--sessions 5000] [--seconds 30]`.

A main, a backup and three servers hold the sessions, over TCP and idle; the processor time of the main is read before
and after each stretch: with no page open, with one in a real Chromium, with ten pages' questions, with none again.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import tempfile
from pathlib import Path

from tests.browser.chromium import chromium, missing
from tests.browser.console import Console
from tests.delivery.fleet import Fleet

AT_ONCE = 100
"""Logins that are under way at the same time."""


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def session(central: tuple[str, int], stack: contextlib.ExitStack) -> None:
    """One anonymous client that says nothing."""
    reader, writer = await asyncio.open_connection(*central)
    writer.write(b'{"command":"LOGIN","username":"anonymous"}\n')
    await reader.readline()
    redirect = json.loads(await reader.readline())
    writer.close()
    reader, writer = await asyncio.open_connection(redirect["hostname"], redirect["port"])
    login = {"command": "LOGIN", "username": "anonymous", "ticket": redirect["ticket"]}
    writer.write(json.dumps(login).encode() + b"\n")
    assert b"LOGIN_SUCCESS" in await reader.readline()
    stack.callback(writer.close)


async def fill(central: tuple[str, int], sessions: int, stack: contextlib.ExitStack) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with limit:
            await session(central, stack)

    await asyncio.gather(*[one() for _ in range(sessions)])


async def ask(central: tuple[str, int], pages: int, seconds: float) -> int:
    """As so many pages do, once a second each; bytes of an answer."""
    size = 0
    for _ in range(int(seconds)):
        for _ in range(pages):
            reader, writer = await asyncio.open_connection(*central)
            writer.write(b"GET /network.json?since=0-0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            size = len(await reader.read())
            writer.close()
        await asyncio.sleep(1)
    return size


async def measure(fleet: Fleet, sessions: int, seconds: float) -> None:
    central = fleet.centrals["c1"]
    pid = fleet.processes["c1"].pid

    async def stretch(name: str, doing: "asyncio.Future[object] | None" = None) -> None:
        begun, before = asyncio.get_running_loop().time(), processor_seconds(pid)
        await asyncio.sleep(seconds)
        elapsed = asyncio.get_running_loop().time() - begun
        spent = processor_seconds(pid) - before
        print(f"{name:32} {1000 * spent / elapsed:6.1f} ms of processor a second", flush=True)
        if doing is not None:
            await doing

    with contextlib.ExitStack() as stack:
        await fill(central, sessions, stack)
        await asyncio.sleep(5)
        print(f"{sum(fleet.loads().values())} sessions on {len(fleet.servers)} servers", flush=True)
        await stretch("no page")
        opened = asyncio.Event()
        loop = asyncio.get_running_loop()
        browsing = loop.run_in_executor(None, browse, f"http://{central}/", loop, opened, seconds + 15)
        await opened.wait()
        await asyncio.sleep(5)
        await stretch("one page, in Chromium")
        await browsing
        await stretch("ten pages' questions", asyncio.ensure_future(ask(central, 10, seconds)))
        await stretch("no page")
        print(f"{await ask(central, 1, 1)} bytes of an answer with all that is remembered", flush=True)


def browse(url: str, loop: asyncio.AbstractEventLoop, opened: asyncio.Event, seconds: float) -> None:
    """A page that is open for so long."""
    with chromium() as browser:
        console = Console(browser, url)
        console.wait_for("#who:has-text(' at s')")
        loop.call_soon_threadsafe(opened.set)
        console.page.wait_for_timeout(seconds * 1000)
        drawn = console.page.evaluate("performance.getEntriesByName('picture')[0].startTime")
        print(f"the first picture after {drawn:.0f} ms", flush=True)
        console.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    if why := missing():
        raise SystemExit(why)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder, Fleet(Path(folder), servers=3) as fleet:
        asyncio.run(measure(fleet, options.sessions, options.seconds))


if __name__ == "__main__":
    main()
