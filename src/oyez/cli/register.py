"""`oyez register`: take a username."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options
from oyez.cli.running import run
from oyez.cli.secrets import user_secret
from oyez.protocol.messages import ANONYMOUS

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption


def register(
    user: Annotated[str, typer.Argument(metavar="USER", parser=options.reads(options.parse_user), help="The name.")],
    central: options.Central = options.CENTRAL,
    user_secret_file: options.UserSecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Take a username for good.

    The secret is asked for, twice, unless OYEZ_USER_SECRET or --user-secret-file has it.

    \b
    Example:
      oyez register alice --central 127.0.0.1:3780
    """
    if user == ANONYMOUS:
        raise typer.BadParameter(f"{ANONYMOUS} can't be registered", param_hint="USER")
    secret = user_secret(user, user_secret_file, new=True)
    secured = links.encryption(tls, tls_ca)
    raise run(_register(user, secret or "", central, secured))


async def _register(user: str, secret: str, centrals: options.Centrals, secured: "Encryption") -> None:
    import oyez

    await oyez.register(user, secret, centrals.texts, tls=links.as_tls(secured))
    print(f"registered {user}", file=sys.stderr)
