"""Options that several commands have, each declared once; how their values are read.

Must not know: what a command does with them.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from oyez.client import addresses
from oyez.protocol import limits

if TYPE_CHECKING:
    from oyez.protocol.messages import Address

T = TypeVar("T")

UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
WILDCARDS = ("0.0.0.0", "::")


def reads(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser for an option: its ValueError becomes a usage error."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parsed


def parse_size(text: str) -> int:
    """Bytes, from a text like 65536, 64KiB or 1 GiB. Raises ValueError."""
    number = text.rstrip("BGKMi ")
    unit = text[len(number) :].strip()
    if not (number.isascii() and number.isdigit()) or unit not in UNITS:
        raise ValueError(f"{text!r} is not a number of bytes, such as 65536, 512KiB or 64MiB")
    return int(number) * UNITS[unit]


class Centrals(tuple["Address", ...]):
    """The centrals of one network."""

    __slots__ = ()

    @property
    def texts(self) -> list[str]:
        """As the library takes them."""
        return [addresses.show(address) for address in self]

    def __str__(self) -> str:
        return ", ".join(self.texts)


def parse_centrals(text: str) -> Centrals:
    """One address or several with commas between. Raises ValueError."""
    return Centrals(addresses.parse_all(text))


def parse_user(text: str) -> str:
    """A username. Raises ValueError."""
    if not 1 <= len(text) <= limits.USERNAME:
        raise ValueError(f"a username has 1 to {limits.USERNAME} characters")
    if not is_text(text):
        raise ValueError("a username is UTF-8")
    return text


def is_text(given: str) -> bool:
    """Was it UTF-8, in an argument or in the environment, where it may have been anything?"""
    return not any("\ud800" <= letter <= "\udfff" for letter in given)


size = reads(parse_size)
centrals = reads(parse_centrals)


def all_of(given: Iterable[Centrals] | None) -> Centrals:
    """Of an option that may be repeated: the addresses of all, each once."""
    return Centrals(dict.fromkeys(address for one in given or () for address in one))


def data_directory() -> Path:
    """Where a user's data is kept unless they say otherwise: $XDG_DATA_HOME/oyez, or ~/.local/share/oyez."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share") / "oyez"


def reachable(host: str, advertise: str | None) -> str:
    """The hostname to tell others. Raises a usage error where `host` is none that they could connect to."""
    if advertise:
        return advertise
    if host in WILDCARDS:
        raise typer.BadParameter(
            f"{host} listens on every address, but is none that others can connect to:"
            " say with --advertise under which name they reach this machine",
            param_hint="'--host'",
        )
    return host


Central = Annotated[
    Centrals,
    typer.Option(
        envvar="OYEZ_CENTRAL",
        metavar="HOST:PORT",
        parser=centrals,
        help="A central of the network; several, with commas between, are tried in turn.",
    ),
]
CENTRAL: Any = "127.0.0.1:3780"
"""Where `Central` is, unless somebody says otherwise; typer parses it like what is typed."""

User = Annotated[str, typer.Option(metavar="USER", parser=reads(parse_user), help="Log in as this user.")]
UserSecretFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File that holds the user's secret; otherwise OYEZ_USER_SECRET has it, or it is asked for.",
    ),
]
Host = Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")]
Port = Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on; 0 picks a free one.")]
Advertise = Annotated[
    str | None,
    typer.Option(metavar="HOST", help="Name under which others reach this machine, if it is not --host."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        show_default="$XDG_DATA_HOME/oyez, or ~/.local/share/oyez",
        help="Folder for what is kept on disk.",
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File that holds the cluster's secret, which all its nodes share; otherwise OYEZ_SECRET has it.",
    ),
]

Copies = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        max=9,
        help="How many servers must hold an activity before anybody sees it, as far as there are so many."
        " What was seen survives the loss of all but one of them. The same for all servers of a network.",
    ),
]
COPIES = 2
Retention = Annotated[
    int,
    typer.Option(
        metavar="BYTES",
        parser=size,
        help="How much is held for readers that are behind, and for those that come back: in bytes, or as in"
        " 512KiB, 64MiB.",
    ),
]
RETENTION: Any = "64MiB"
"""What `Retention` is, unless somebody says otherwise; typer parses it like what is typed."""

RetentionAge = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        show_default="however old",
        help="Hold nothing that is older than this, even where there is room.",
    ),
]

Tls = Annotated[
    bool | None,
    typer.Option(
        "--tls/--no-tls",
        envvar="OYEZ_TLS",
        show_default="encrypted with --tls-ca; else not, and then no secret is sent to another machine",
        help="Whether links are encrypted, and every node has to show a certificate.",
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        envvar="OYEZ_TLS_CA",
        show_default="those that this machine believes",
        help="The network's authority (ca.pem), whose certificates are believed.",
    ),
]
TlsCert = Annotated[
    Path | None,
    typer.Option("--tls-cert", metavar="FILE", help="This node's certificate. SIGHUP has it and its key read again."),
]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The key of that certificate.")]
NodesTlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        help="The network's own authority (ca.pem): every node has to show a certificate of it, and this one shows its"
        " own.",
    ),
]
InsecurePlaintext = Annotated[
    bool,
    typer.Option(
        "--insecure-plaintext",
        help="Let links with other machines be unencrypted: whoever can listen in reads every secret.",
    ),
]

LimitLinks = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        show_default="as many as there are file descriptors for",
        help="Most links of clients; some more are kept for nodes.",
    ),
]
LimitLinksEach = Annotated[int, typer.Option(metavar="N", min=0, help="Most links from one address.")]
LIMIT_LINKS_EACH = 2000
LimitConnects = Annotated[
    float,
    typer.Option(
        metavar="N",
        min=0,
        help="Connections a second from one address; ten times as many at once.",
    ),
]
LIMIT_CONNECTS = 50.0
LimitStrangers = Annotated[
    int,
    typer.Option(metavar="N", min=0, help="Most links on which nobody has logged in."),
]
LIMIT_STRANGERS = 10_000
LimitStrangersEach = Annotated[int, typer.Option(metavar="N", min=0, help="The same from one address.")]
LIMIT_STRANGERS_EACH = 200
LoginPatience = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="After so long a link is closed on which nobody has logged in, and nothing was said.",
    ),
]
LOGIN_PATIENCE = 10.0
LinePatience = Annotated[
    float,
    typer.Option(metavar="SECONDS", min=0, help="After so long a line that has begun has to have ended."),
]
LINE_PATIENCE = 30.0
LimitUnfinished = Annotated[
    int,
    typer.Option(
        metavar="BYTES",
        parser=size,
        help="Most that is held of lines that have not ended, on all links together.",
    ),
]
LIMIT_UNFINISHED: Any = "64MiB"
"""What `LimitUnfinished` is, unless somebody says otherwise; typer parses it like what is typed."""

LimitLoopback = Annotated[
    bool,
    typer.Option(
        "--limit-loopback",
        help="Let the limits of each address hold for this machine's own, too.",
    ),
]
LimitRegistrations = Annotated[float, typer.Option(metavar="N", min=0, help="Registrations a second, in all.")]
LimitRegistrationsEach = Annotated[
    float,
    typer.Option(
        metavar="N",
        min=0,
        help="Registrations a second from one address; twenty times as many at once.",
    ),
]
LIMIT_REGISTRATIONS_EACH = 1.0
LimitGuesses = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Wrong secrets of one user, from one address, after which the next has to wait, longer each time.",
    ),
]
LIMIT_GUESSES = 5
LimitHashing = Annotated[
    int,
    typer.Option(metavar="N", min=0, help="Most secrets that wait to be hashed or checked."),
]
LIMIT_HASHING = 512
LimitHashingEach = Annotated[int, typer.Option(metavar="N", min=0, help="The same from one address.")]
LIMIT_HASHING_EACH = 64
LimitQuestions = Annotated[
    float,
    typer.Option(
        metavar="N",
        min=0,
        help="How often a second one link may ask for the status; who asks more often waits for the answer.",
    ),
]
LIMIT_QUESTIONS = 10.0
LimitSessions = Annotated[int, typer.Option(metavar="N", min=0, help="Most sessions of one user, at this server.")]
LIMIT_SESSIONS = 1000
LimitActivities = Annotated[
    float,
    typer.Option(
        metavar="N",
        min=0,
        help="Activities a second of one session; who posts more is read no faster.",
    ),
]
LimitBytes = Annotated[
    int,
    typer.Option(metavar="BYTES", parser=size, help="The same, in bytes a second."),
]
NONE: Any = "0"
"""No limit, for an option that is parsed."""
