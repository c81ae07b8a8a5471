"""Asks a central one thing, on a link of its own: REGISTER, STATUS, WHO.

Guarantees: the centrals are asked in turn until one answers; an answer is what was asked for, or an exception; the
link is closed. Must not know: sessions.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import TypeVar

from oyez.client.addresses import parse_all, show
from oyez.client.encryption import IN_THE_OPEN, WITHIN, Ca, Encryption, Tls, encryption
from oyez.client.encryption import why as why_not_tls
from oyez.client.errors import Refused, Unreachable
from oyez.core.peer import From
from oyez.protocol import codec, limits
from oyez.protocol import messages as m

A = TypeVar("A", bound=m.Message)

REDIRECTS = 3
"""Redirects that are followed in a row."""


async def register(
    user: str,
    secret: str,
    centrals: str | Iterable[str] = "127.0.0.1:3780",
    *,
    timeout: float = 10.0,
    tls: Tls = None,
    ca: Ca = None,
) -> None:
    """Take the username `user` for good. `tls` and `ca`: see `oyez.connect`. Raises Refused, Unreachable.

    Where a central took the question and never answered, another is asked: then a name that is taken, by the same
    secret, was taken by this very call.
    """
    addresses, secured = parse_all(centrals), encryption(tls, ca)
    try:
        await ask(addresses, m.Register(user, secret), m.RegisterSuccess, timeout, secured)
    except Refused as refused:
        if refused.reason != "already_registered" or not isinstance(refused.__cause__, Unanswered):
            raise
        try:
            await ask(addresses, m.Who(user, secret), m.WhoReport, timeout, secured)
        except Refused:
            raise refused from None


async def status(
    centrals: str | Iterable[str] = "127.0.0.1:3780", *, timeout: float = 10.0, tls: Tls = None, ca: Ca = None
) -> m.StatusReport:
    """How the network is, as its main sees it, or if there is none any other central.

    `tls` and `ca`: see `oyez.connect`. Raises Refused, Unreachable.
    """
    return await ask_status(parse_all(centrals), timeout, encryption(tls, ca))


async def ask_status(centrals: list[m.Address], timeout: float, secured: Encryption) -> m.StatusReport:
    """`status`, for those who have parsed its arguments already."""
    report = await ask(centrals, m.Status(), m.StatusReport, timeout, secured)
    main = [m.Address(central.hostname, central.port) for central in report.centrals if central.role == "main"]
    if report.role == "main" or not main:
        return report
    try:
        return await ask(main, m.Status(), m.StatusReport, timeout, secured)
    except Unreachable:
        return report


async def who(
    centrals: str | Iterable[str] = "127.0.0.1:3780",
    *,
    user: str = m.ANONYMOUS,
    secret: str | None = None,
    timeout: float = 10.0,
    tls: Tls = None,
    ca: Ca = None,
) -> m.WhoReport:
    """Who is connected, and where. `tls` and `ca`: see `oyez.connect`. Raises Refused, Unreachable."""
    return await ask(parse_all(centrals), m.Who(user, secret), m.WhoReport, timeout, encryption(tls, ca))


class Unanswered(Unreachable):
    """A central took the question, and may have done what it asks for."""


async def ask(
    centrals: list[m.Address], question: m.Message, answer: type[A], timeout: float, secured: Encryption = WITHIN
) -> A:
    """What the first central that can be reached answers, within `timeout` s, of which each has its share.

    Raises Refused (caused by the last `Unanswered`, if there was one), Unreachable.
    """
    failures: list[Unreachable] = []
    share = timeout / len(centrals)
    for central in centrals:
        try:
            async with asyncio.timeout(share):
                return await _ask_one(central, question, answer, secured)
        except TimeoutError:
            failures.append(Unanswered(f"{show(central)}: no answer within {share:g} s"))
        except Unreachable as error:
            failures.append(error)
        except Refused as refused:
            unanswered = [failure for failure in failures if isinstance(failure, Unanswered)]
            raise refused from (unanswered[-1] if unanswered else None)
    raise failures[-1]


async def _ask_one(address: m.Address, question: m.Message, answer: type[A], secured: Encryption) -> A:
    for _ in range(REDIRECTS + 1):
        said = await _exchange(address, question, secured)
        if isinstance(said, answer):
            return said
        if isinstance(said, m.Malformed):
            raise Unreachable(f"{show(address)}: what answers there is no central ({said.info})")
        if isinstance(said, m.Refusal):
            raise Refused(said.reason, said.info)
        if not isinstance(said, m.Redirect):
            raise Unreachable(f"{show(address)}: what answers there is no central")
        address = m.Address(said.hostname, said.port)
    raise Unreachable(f"{show(address)}: more than {REDIRECTS} redirects in a row")


async def _exchange(address: m.Address, question: m.Message, secured: Encryption) -> m.Message:
    """The first line that comes back."""
    try:
        reader, writer = await asyncio.open_connection(
            address.hostname, address.port, limit=limits.NODE_LINE, ssl=secured.context
        )
    except ssl.SSLError as error:
        raise Unreachable(f"{show(address)}: {why_not_tls(error)}") from error
    except (OSError, ValueError, TypeError) as error:  # a name that is none at all; TypeError: it has a zero byte
        raise Unreachable(f"{show(address)}: {_why(error)}") from error
    try:
        if _in_the_open(writer, question, secured):
            raise Unreachable(f"{show(address)}: {IN_THE_OPEN}")
        writer.write(codec.encode(question))
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        raise Unanswered(f"{show(address)}: the link was closed without an answer") from error
    except (OSError, asyncio.LimitOverrunError) as error:
        raise Unanswered(f"{show(address)}: {_why(error)}") from error
    finally:
        writer.close()
    return codec.decode(line.rstrip(b"\r\n"))


def _in_the_open(writer: asyncio.StreamWriter, question: m.Message, secured: Encryption) -> bool:
    """Would a secret cross a link that others can read, and may it not?"""
    if secured.context is not None or secured.in_the_open:
        return False
    secrets = [field for field in question.__struct_fields__ if "secret" in field]
    if not any(getattr(question, field) for field in secrets):
        return False
    peer = writer.get_extra_info("peername")
    return peer is not None and not From.at(peer[0]).loopback


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody answers there"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
