"""Who is at the other end of a link that was accepted, as far as the link itself tells.

What a peer says of itself comes later, in messages. Guarantees: pure values. Must not know: sockets, certificates.
"""

from dataclasses import dataclass

_MAPPED = "::ffff:"


@dataclass(frozen=True, slots=True)
class From:
    """`address` is the peer's, as text, without its port; one of IPv4 is written as such, however it has come.

    `loopback`: it is on this very machine. `verified`: nothing on the link speaks against its being a node: over TLS it
    has shown a certificate of the cluster's own authority; a plain link can't be asked for one, and is only taken where
    the peer is on this machine or the operator has said that others may have such. What a node says still needs the
    cluster secret.
    """

    address: str
    loopback: bool
    verified: bool

    @classmethod
    def at(cls, address: str, verified: bool = True) -> "From":
        """The peer at `address`, written as the kernel writes it."""
        if address.startswith(_MAPPED) and "." in address:  # IPv4, taken by a socket of IPv6
            address = address[len(_MAPPED) :]
        return cls(address, address.startswith("127.") or address == "::1", verified)


HERE = From("127.0.0.1", loopback=True, verified=True)
"""A peer on this machine, over a plain link."""
