"""What a store is given when it is made, and keeps: the id of the central whose directory it holds."""

import os


def new_id() -> str:
    """A central's id, one of four thousand million."""
    return f"c-{os.urandom(4).hex()}"
