"""A chat on the terminal: what you type becomes a Note, and Notes of everybody are shown.

python chat.py            as anonymous
python chat.py ada        as ada, who is registered
"""

import getpass
import os
import sys
from contextlib import suppress

import oyez.sync

CENTRAL = os.environ.get("OYEZ_CENTRAL", "127.0.0.1:3780")


def printable(text: object) -> str:
    """Strangers may post what steers a terminal; here it can't."""
    return "".join(sign if sign.isprintable() else "·" for sign in str(text))


def main(user: str = "anonymous") -> None:
    secret = None
    if user != "anonymous":
        secret = os.environ.get("OYEZ_USER_SECRET") or getpass.getpass(f"Secret for {user}: ")
    with oyez.sync.connect(CENTRAL, user=user, secret=secret) as network:

        @network.on(type="Note")  # in a thread of its own, while this one waits for what you type
        def show(activity: oyez.Activity) -> None:
            print(f"{activity.user}: {printable(activity.object.get('content'))}", flush=True)

        print(f"You are {network.user}, at server {network.server}. Ctrl-D ends.", flush=True)
        for line in sys.stdin:
            if line.strip():
                network.post(line.strip())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
