"""`oyez tail`: the feed, for pipes."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options, streams
from oyez.cli.cursor_file import CursorFile
from oyez.cli.printing import missed
from oyez.cli.running import run
from oyez.cli.secrets import user_secret

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.client.events import Event
    from oyez.client.network import Network

BATCH = 64 * 1024
"""Bytes that are written at once when much arrives at once."""

KEEP = 1.0
"""Seconds between two times that the cursor is kept."""


def tail(
    count: Annotated[
        int | None, typer.Option("--count", "-n", metavar="N", min=1, help="Stop after so many.", show_default="never")
    ] = None,
    cursor_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Go on where the last run with this file left off; how far it has come is kept there.",
            show_default="begin with the present",
        ),
    ] = None,
    central: options.Central = options.CENTRAL,
    user: options.User = "anonymous",
    user_secret_file: options.UserSecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Print every activity from now on, one JSON object a line.

    Each line is written at once. After the death of its server it goes on at another one, where it was, and says so on
    standard error; and so it does if activities were missed. After the death of `oyez tail` itself, what was printed
    in its last second may be printed again by the next run with the same cursor file.

    \b
    Example:
      oyez tail | jq .content
      oyez tail --count 10 --user alice
      oyez tail --cursor-file feed.cursor | tee -a feed.jsonl
    """
    secret = user_secret(user, user_secret_file)
    file = None if cursor_file is None else CursorFile(cursor_file)
    secured = links.encryption(tls, tls_ca)
    raise run(_tail(count, central, user, secret, file, secured), endless=True)


async def _tail(
    count: int | None,
    centrals: options.Centrals,
    user: str,
    secret: str | None,
    file: CursorFile | None,
    secured: "Encryption",
) -> None:
    import oyez

    start = None if file is None else file.read()
    try:
        network = oyez.connect(
            centrals.texts,
            user=user,
            secret=secret,
            on_event=Announcer(),
            cursor=start,
            tls=links.as_tls(secured),
        )
    except ValueError as error:
        if file is None:
            raise
        raise oyez.OyezError(f"{file.path}: {error}") from error
    try:
        async with network:
            await Feed(network, file).copy(count)
    except oyez.Refused as refused:
        if file is None or refused.reason not in ("other_network", "cursor_ahead"):
            raise
        raise oyez.OyezError(f"{file.path}: {refused}; without this file it begins with the present") from refused


class Feed:
    """Copies activities to standard output, and keeps how far it has come."""

    def __init__(self, network: "Network", file: CursorFile | None) -> None:
        self._network = network
        self._file = file
        self._batch = b""  # taken, and not known to be written
        self._kept_at = 0.0

    async def copy(self, count: int | None) -> None:
        """`count` activities, or all."""
        self._keep()
        keeping = asyncio.create_task(self._keep_on())
        try:
            async for activity in self._network:
                self._batch += activity.raw + b"\n"
                count = None if count is None else count - 1
                if not self._network.waiting or len(self._batch) > BATCH or count == 0:
                    await streams.write(self._batch)
                    self._batch = b""
                    if asyncio.get_running_loop().time() - self._kept_at > KEEP:
                        self._keep()
                if count == 0:
                    return
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            self._keep()

    async def _keep_on(self) -> None:
        """While nothing comes, nothing else keeps what came last."""
        while self._file is not None:
            await asyncio.sleep(KEEP)
            self._keep()

    def _keep(self) -> None:
        """The cursor, if all that it covers has been written."""
        if self._file is not None and not self._batch and (cursor := self._network.cursor) is not None:
            self._kept_at = asyncio.get_running_loop().time()
            self._file.write(cursor)


class Announcer:
    """Says on standard error when the link is lost and found again, and when something was missed. The first time, and
    moves, go without saying."""

    def __init__(self) -> None:
        self._lost = False

    def __call__(self, event: "Event") -> None:
        """It has happened."""
        from oyez.client.events import Connected, Disconnected, Gap

        if isinstance(event, Disconnected):
            self._lost = True
            print(f"oyez: {event.info}; trying to come back", file=sys.stderr)
        elif isinstance(event, Connected) and self._lost:
            self._lost = False
            print(f"oyez: connected again, at server {event.server}", file=sys.stderr)
        elif isinstance(event, Gap):
            print(f"oyez: {missed(event.count)}", file=sys.stderr)
