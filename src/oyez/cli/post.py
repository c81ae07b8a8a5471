"""`oyez post`: one activity, or many from standard input."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options, streams
from oyez.cli.running import run
from oyez.cli.secrets import user_secret

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.client.network import Network

WINDOW = 512
"""Lines that are on their way at once."""


def post(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT|JSON|-",
            help="The text of a Note; or, starting with {, the activity itself; or -, for one JSON object a line from"
            " standard input.",
        ),
    ],
    central: options.Central = options.CENTRAL,
    user: options.User = "anonymous",
    user_secret_file: options.UserSecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Post activities to everyone; prints the id of each once it has come back.

    With -, many are on their way at once. What could not be posted is named on standard error, with its line; the
    exit code is then 1.

    \b
    Example:
      oyez post "hear ye"
      oyez post '{"type": "Like", "object": "https://example.org/1"}' --user alice
      oyez post - < activities.jsonl
    """
    secret = user_secret(user, user_secret_file)
    secured = links.encryption(tls, tls_ca)
    raise run(_post(" ".join(text), central, user, secret, secured))


async def _post(text: str, centrals: options.Centrals, user: str, secret: str | None, secured: "Encryption") -> int:
    import oyez

    tls = links.as_tls(secured)
    async with oyez.connect(centrals.texts, user=user, secret=secret, receive=False, tls=tls) as network:
        if text == "-":
            return await Lines(network).post()
        id = await network.post(text.encode() if text.lstrip().startswith("{") else text)
        await streams.write(f"{id}\n".encode())
        return 0


class Lines:
    """Posts the lines of standard input in their order, many at once."""

    def __init__(self, network: "Network") -> None:
        self._network = network
        self._under_way = asyncio.Queue[tuple[int, asyncio.Task[str]] | None](WINDOW)
        self._heard = True  # somebody reads the ids

    async def post(self) -> int:
        """The exit code."""
        reading = asyncio.create_task(self._read())
        failed = 0
        try:
            while (item := await self._under_way.get()) is not None:
                failed += not await self._settle(*item)
            await reading
        finally:
            reading.cancel()
        return 1 if failed else 0

    async def _read(self) -> None:
        """Begin to post each line. The queue's bound is what keeps us from reading far ahead."""
        number = 0
        async for line in streams.lines():
            number += 1
            if line.strip():
                await self._under_way.put((number, asyncio.create_task(self._network.post(line))))
        await self._under_way.put(None)

    async def _settle(self, number: int, posting: asyncio.Task[str]) -> bool:
        """Print the id, or what went wrong. Whoever stops to read the ids does not stop the posts."""
        from oyez.client.errors import OyezError

        try:
            id = await posting
        except OyezError as error:
            print(f"oyez: line {number}: {error}", file=sys.stderr)
            return False
        if self._heard:
            try:
                await streams.write(f"{id}\n".encode())
            except BrokenPipeError:
                self._heard = False
        return True
