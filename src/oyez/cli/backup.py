"""`oyez backup`: what a central keeps, in one file, while it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from oyez.cli import options
from oyez.cli.failing import fail
from oyez.cli.printing import counted


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.", dir_okay=False)],
    data: options.Data = None,
) -> None:
    """Back up what a central of this machine keeps, while it runs or not.

    Everything that was acknowledged before is in the file, with the hashes of all secrets and the network's key: only
    its owner may read it, and nobody else should get it. A central does not run from it: see oyez restore.

    \b
    Example:
      oyez backup oyez-monday.backup --data /var/lib/oyez
    """
    from oyez.storage import copies
    from oyez.storage.port import StorageError

    try:
        copied = copies.back_up(data or options.data_directory(), file)
    except StorageError as error:
        raise fail(error) from error
    print(
        f"{file} has {counted(copied.users, 'user')}, up to entry {copied.index} of central {copied.id}",
        file=sys.stderr,
    )
