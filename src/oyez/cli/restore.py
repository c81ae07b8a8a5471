"""`oyez restore`: a new beginning, from what a backup has."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from oyez.cli import options
from oyez.cli.failing import fail
from oyez.cli.printing import counted

WARNING = """\
A central that begins anew with {file} is the main of a network of its own. What this risks:

- What was acknowledged after the backup was made is lost: registrations, new secrets and removals, for good.
- If a central of before is still running, both acknowledge, perhaps the same name twice, until they meet.

So do it only when no central with its data is left; where one is, start that, or promote it. Make sure that none of
them runs, and give each other central an empty folder once this one is up.
"""


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What oyez backup has made.", dir_okay=False)],
    data: options.Data = None,
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-key",
            help="Give the network another key, because the old one may have been read: where clients left off is then"
            " unknown, too.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Make a data folder of a backup, for a central that begins the network anew.

    Prints what that risks, and asks. The folder must have no central's data yet. Start the central with it, alone,
    without --backup-of; others join it as backups, with empty folders.

    \b
    Example:
      oyez restore oyez-monday.backup --data /var/lib/oyez
    """
    from oyez.storage import copies
    from oyez.storage.port import StorageError

    folder = data or options.data_directory()
    print(WARNING.format(file=file), file=sys.stderr)
    if not yes:
        typer.confirm("Begin anew with it?", abort=True, err=True)
    try:
        copied = copies.restore(file, folder, time.time(), another_key=new_key)
    except StorageError as error:
        raise fail(error) from error
    print(f"{folder} has {counted(copied.users, 'user')}, for the new central {copied.id}", file=sys.stderr)
