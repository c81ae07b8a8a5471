"""`oyez tail`: the feed, for pipes."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import options, streams
from oyez.cli.running import run
from oyez.cli.secrets import user_secret

if TYPE_CHECKING:
    from oyez.client.events import Event

BATCH = 64 * 1024
"""Bytes that are written at once when much arrives at once."""


def tail(
    count: Annotated[
        int | None, typer.Option("--count", "-n", metavar="N", min=1, help="Stop after so many.", show_default="never")
    ] = None,
    central: options.Central = options.CENTRAL,
    user: options.User = "anonymous",
    user_secret_file: options.UserSecretFile = None,
) -> None:
    """Print every activity from now on, one JSON object a line.

    Each line is written at once. After the death of its server it goes on at another one, and says so on standard
    error.

    \b
    Example:
      oyez tail | jq .content
      oyez tail --count 10 --user alice
    """
    secret = user_secret(user, user_secret_file)
    raise run(_tail(count, central, user, secret), endless=True)


async def _tail(count: int | None, centrals: options.Centrals, user: str, secret: str | None) -> None:
    import oyez

    async with oyez.connect(centrals.texts, user=user, secret=secret, on_event=Announcer()) as network:
        batch = b""
        async for activity in network:
            batch += activity.raw + b"\n"
            count = None if count is None else count - 1
            if not network.waiting or len(batch) > BATCH or count == 0:
                await streams.write(batch)
                batch = b""
            if count == 0:
                return


class Announcer:
    """Says on standard error when the link is lost and found again; the first time goes without saying."""

    def __init__(self) -> None:
        self._lost = False

    def __call__(self, event: "Event") -> None:
        """It has happened."""
        from oyez.client.events import Connected, Disconnected

        if isinstance(event, Disconnected):
            self._lost = True
            print(f"oyez: {event.info}; trying to come back", file=sys.stderr)
        elif isinstance(event, Connected) and self._lost:
            self._lost = False
            print(f"oyez: connected again, at server {event.server}", file=sys.stderr)
