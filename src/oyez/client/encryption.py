"""How a program's links are secured: with TLS or without, and what may cross one that is not.

Guarantees: TLS 1.2 or later, the host's name checked; a secret crosses no unencrypted link to another machine unless
the program has said in so many words that it may. Must not know: who is asked what.
"""

import os
import ssl
from typing import NamedTuple

Tls = bool | ssl.SSLContext | None
"""What a program says. True: with TLS; a context: with that; False: without; None: without, unless it names a `ca`, and
then no secret leaves this machine."""

Ca = str | os.PathLike[str] | None
"""A file with the authorities to believe, in PEM; None: those that this machine believes."""

IN_THE_OPEN = (
    "the secret would cross the network in the open: connect with TLS (tls=True, or --tls), or say that it may"
    " (tls=False, or --no-tls)"
)


_STRANGE = (18, 19, 20, 21)
"""What OpenSSL says of a certificate whose authority it does not know, in its four ways."""


_OVER = 10
"""The same of one whose time is over."""


class Encryption(NamedTuple):
    """`context` is for TLS, None without it; `in_the_open`: secrets may cross a link that others can read."""

    context: ssl.SSLContext | None = None
    in_the_open: bool = False


WITHIN = Encryption()
"""Without TLS, and no secret leaves this machine."""


def encryption(tls: Tls = None, ca: Ca = None) -> Encryption:
    """What a program wants. Raises ValueError for what can't be had."""
    if ca is not None and (tls is False or isinstance(tls, ssl.SSLContext)):
        raise ValueError(
            "a file of authorities is for tls=True: a context has its own, and without TLS nobody is asked"
        )
    if isinstance(tls, ssl.SSLContext):
        return Encryption(tls)
    if not tls and ca is None:
        return Encryption(in_the_open=tls is False)
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise ValueError(f"cannot use {ca}: there is no certificate in it") from error
    except OSError as error:
        raise ValueError(f"cannot read {ca}: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ecdh_curve("prime256v1")  # what nodes take: any other would cost a round trip more
    context.hostname_checks_common_name = False
    return Encryption(context)


def why(error: ssl.SSLError) -> str:
    """What has gone wrong, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _STRANGE:
            return "its certificate is of an authority that is not known here: name that with ca=, or --tls-ca"
        if error.verify_code == _OVER:
            return "its certificate has expired: whoever runs it has to put another one there"
        return f"its certificate is not good: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "what answers there does not speak TLS"
    return f"TLS failed: {(error.reason or 'unknown').lower().replace('_', ' ')}"
