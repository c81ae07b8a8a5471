"""Addresses as people write them: `HOST:PORT`, `[IPV6]:PORT`, several with commas between.

Must not know: what is listening there.
"""

from collections.abc import Iterable

from oyez.protocol.messages import Address


def parse(text: str) -> Address:
    """The address in `text`. Raises ValueError with a sentence for a person."""
    hostname, colon, port = text.strip().rpartition(":")
    if hostname.startswith("[") and hostname.endswith("]"):
        hostname = hostname[1:-1]
    elif ":" in hostname:
        raise ValueError(f"{text!r} is not HOST:PORT (an IPv6 address goes in brackets, as in [::1]:3780)")
    if not colon or not hostname or len(hostname) > 255 or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{text!r} is not HOST:PORT")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"{text!r}: a port is a number from 1 to 65535")
    return Address(hostname, int(port))


def parse_all(given: str | Iterable[str]) -> list[Address]:
    """The addresses in a string with commas, or in several strings, each once. Raises ValueError; none is an error."""
    texts = [given] if isinstance(given, str) else list(given)
    addresses = [parse(text) for texts_of_one in texts for text in texts_of_one.split(",")]
    if not addresses:
        raise ValueError("no address of a central was given")
    return list(dict.fromkeys(addresses))


def show(address: Address) -> str:
    """The opposite of `parse`."""
    bracketed = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    return f"{bracketed}:{address.port}"
