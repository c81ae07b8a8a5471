"""`oyez promote`: make a central the main where votes can't be had."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options
from oyez.cli.running import run
from oyez.cli.secrets import cluster_secret
from oyez.client.addresses import show

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption

WARNING = """\
{central} becomes the main of the network without the votes of the others. What this risks:

- What another main has acknowledged and this central does not have is lost: registrations, for good.
- If another main is still running, both acknowledge, perhaps the same name twice, until they meet.

So do it only when the other centrals won't come back, or not soon enough, and after having made sure that none of
them runs. Where this central is behind another that could be had, promote that one: `oyez status` tells.
"""


def promote(
    central: options.Central = options.CENTRAL,
    secret_file: options.SecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Make a central the main, where too few are left to vote.

    Prints what that risks, and asks. The central elects a main by itself wherever the votes can be had; this is for
    when they can't, because machines are gone for good.

    \b
    Example:
      OYEZ_SECRET=... oyez promote --central 127.0.0.1:3781
    """
    if len(central) > 1:
        raise typer.BadParameter("name the one central that is to be the main", param_hint="'--central'")
    secret = cluster_secret(secret_file)
    secured = links.encryption(tls, tls_ca)
    print(WARNING.format(central=show(central[0])), file=sys.stderr)
    if not yes:
        typer.confirm("Make it the main?", abort=True, err=True)
    raise run(_promote(central, secret, secured))


async def _promote(centrals: options.Centrals, secret: str, secured: "Encryption") -> None:
    from oyez.client.central import ask
    from oyez.protocol.nodes import Promote, PromoteSuccess

    success = await ask(list(centrals), Promote(secret), PromoteSuccess, 10.0, secured)
    print(f"{centrals} is the main of term {success.term}", file=sys.stderr)
