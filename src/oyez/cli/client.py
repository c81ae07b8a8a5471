"""`oyez client`: talk."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from oyez.cli import links, options, streams
from oyez.cli.running import run
from oyez.cli.secrets import given_user_secret, user_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oyez.cli.conversation import Conversation
    from oyez.client.encryption import Encryption


def client(
    central: options.Central = options.CENTRAL,
    user: options.User = "anonymous",
    user_secret_file: options.UserSecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Talk: a live feed above a prompt.

    A text becomes a Note, a line that starts with { is sent as the activity, /help lists the commands. When its
    server dies, it says so and goes on at another one. Input may also come from a pipe.

    \b
    Example:
      oyez client
      oyez client --user alice --central 127.0.0.1:3780
    """
    secret = user_secret(user, user_secret_file)
    secured = links.encryption(tls, tls_ca)
    raise run(_client(central.texts, user, secret, user_secret_file, secured), endless=True)


async def _client(
    centrals: list[str], user: str, secret: str | None, secret_file: Path | None, secured: "Encryption"
) -> None:
    from oyez.cli.conversation import Conversation

    if sys.stdin.isatty() and sys.stdout.isatty():
        from oyez.cli.terminal import Terminal, talk

        await _converse(Conversation(centrals, Terminal(), secured), talk, user, secret)
    else:
        await _converse(Conversation(centrals, Pipes(secret_file), secured), _type_input, user, secret)


async def _converse(
    conversation: "Conversation",
    talk: "Callable[[Conversation], Awaitable[None]]",
    user: str,
    secret: str | None,
) -> None:
    await conversation.begin(user, secret)
    try:
        await talk(conversation)
    finally:
        await conversation.end()


async def _type_input(conversation: "Conversation") -> None:
    """Each line of standard input, as if it were typed."""
    from oyez.cli.conversation import Quit

    with suppress(Quit):
        async for line in streams.lines():
            await conversation.typed(line.decode(errors="replace"))


class Pipes:
    """A `conversation.Screen` that is none: activities on standard output, the rest on standard error."""

    def __init__(self, secret_file: Path | None) -> None:
        self._secret_file = secret_file

    def activity(self, user: str, text: str) -> None:
        """See `conversation.Screen`."""
        indented = text.replace("\n", "\n    ")
        print(f"{user}: {indented}", flush=True)

    def info(self, text: str) -> None:
        """See `conversation.Screen`."""
        print(f"-- {text}", file=sys.stderr, flush=True)

    async def secret(self, user: str, *, new: bool) -> str | None:
        """See `conversation.Screen`."""
        secret = given_user_secret(self._secret_file)
        if secret is None:
            self.info(f"the secret of {user} is missing: set OYEZ_USER_SECRET, or give --user-secret-file")
        return secret
