"""`python -m bench.cheap ...` is `oyez ...` with secrets that cost nothing to hash, and protect nothing.

For measurements of everything but argon2; in a file of the benchmark's own, so that the product has no such switch.
The hashes are as long as argon2's, so that what is stored and sent is, too.
"""

import hashlib
import hmac
import os

from oyez.cli import main
from oyez.net import secrets

_LENGTH = 97
"""Characters of a hash of argon2 with the parameters that Oyez uses."""


def hash_secret(secret: str, salt: str | None = None) -> str:
    salt = salt or os.urandom(8).hex()
    digest = hashlib.blake2b(secret.encode(), salt=bytes.fromhex(salt)).hexdigest()
    return f"$cheap${salt}${digest}"[:_LENGTH].ljust(_LENGTH, "$")


def verify_secret(hash: str | None, secret: str) -> bool:
    return hash is not None and hmac.compare_digest(hash, hash_secret(secret, hash.split("$")[2]))


if __name__ == "__main__":
    secrets.hash_secret, secrets.verify_secret = hash_secret, verify_secret
    main()
