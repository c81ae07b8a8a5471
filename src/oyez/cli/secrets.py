"""Where secrets come from: files, the environment, a prompt; never from the arguments, which every process can read.

Must not know: what a secret opens.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from getpass import getpass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from oyez.cli import options
from oyez.cli.failing import fail
from oyez.protocol import limits
from oyez.protocol.messages import ANONYMOUS

VARIABLES = {"secret": "OYEZ_SECRET", "user-secret": "OYEZ_USER_SECRET", "new-secret": "OYEZ_NEW_SECRET"}
"""Each secret's name in the configuration file, and its environment variable."""


class Configured(NamedTuple):
    """A secret in the configuration file, and where it stands there."""

    secret: str
    where: str


_configured: ContextVar[Mapping[str, Configured]] = ContextVar("configured", default=MappingProxyType({}))


@contextmanager
def configured(found: Mapping[str, Configured]) -> Iterator[None]:
    """These, by their variables, are in the configuration file; what the environment has goes before them."""
    token = _configured.set(found)
    try:
        yield
    finally:
        _configured.reset(token)


def open_to_others(file: Path) -> int | None:
    """The mode of a file that others than its owner may read or write; None where they may not. Raises OSError."""
    mode = stat.S_IMODE(file.stat().st_mode)
    return mode if mode & 0o077 else None


def cluster_secret(file: Path | None) -> str:
    """The secret that the nodes of a network share, from `file` or OYEZ_SECRET; without one, the command ends."""
    secret = given_cluster_secret(file)
    if secret is None:
        raise fail("the cluster's secret is missing: set OYEZ_SECRET, or give --secret-file")
    return secret


def given_cluster_secret(file: Path | None) -> str | None:
    """The cluster's secret, if there is one in `file` or OYEZ_SECRET."""
    return _from(file, "OYEZ_SECRET")


def user_secret(user: str, file: Path | None, *, new: bool = False) -> str | None:
    """The secret of `user`: from `file`, OYEZ_USER_SECRET or a prompt, twice for a `new` one. Anonymous has none."""
    if user == ANONYMOUS:
        return None
    return given_user_secret(file) or _ask(user, new)


def new_user_secret(user: str, file: Path | None) -> str:
    """The secret that `user` is to have: from `file`, OYEZ_NEW_SECRET or a prompt, twice."""
    return _from(file, "OYEZ_NEW_SECRET") or _ask(user, new=True, what="New secret", where="OYEZ_NEW_SECRET")


def given_user_secret(file: Path | None) -> str | None:
    """The secret in `file` or OYEZ_USER_SECRET, if there is one."""
    return _from(file, "OYEZ_USER_SECRET")


def _ask(user: str, new: bool, what: str = "Secret", where: str = "OYEZ_USER_SECRET") -> str:
    """On the terminal itself, so that input and output may be pipes; what is typed is not shown."""
    try:
        Path("/dev/tty").open("rb").close()
    except OSError as error:
        file = "--new-secret-file" if where == "OYEZ_NEW_SECRET" else "--user-secret-file"
        raise fail(f"the {what.lower()} of {user} is missing: set {where}, give {file}, or use a terminal") from error
    try:
        secret = getpass(f"{what} for {user}: ")
        if new and getpass("The same again: ") != secret:
            raise fail("these were two different secrets")
    except EOFError as error:
        raise fail("no secret was given") from error
    if not 1 <= len(secret) <= limits.SECRET:
        raise fail(f"a secret has 1 to {limits.SECRET} characters")
    return secret


def _from(file: Path | None, variable: str) -> str | None:
    if file is None:
        secret, where = os.environ.get(variable, ""), variable
        if not secret:
            secret, where = _configured.get().get(variable, ("", ""))
        if not secret:
            return None
    else:
        secret, where = _read(file), str(file)
    if not options.is_text(secret):
        raise fail(f"the secret in {where} is not UTF-8")
    if not 1 <= len(secret) <= limits.SECRET:
        raise fail(f"the secret in {where} has {len(secret)} characters: 1 to {limits.SECRET} are allowed")
    return secret


def _read(file: Path) -> str:
    """What is in the file, but for the end of its line."""
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise fail(f"the secret in {file} is not UTF-8") from error
    except OSError as error:
        raise fail(f"cannot read {file}: {error.strerror}") from error
