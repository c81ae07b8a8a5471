"""A bridge between pipes and the network: JSON objects, one a line, from standard input and to standard output.

python bridge.py < activities.jsonl | jq .content
mosquitto_sub -t sensors | python bridge.py ada > everything.jsonl

A line that is no JSON object is posted as the text of a Note. With a user (and OYEZ_USER_SECRET), what that user has
posted is not printed, so that two bridges can join two networks without an echo.
"""

import os
import sys
from contextlib import suppress

import oyez.sync

CENTRAL = os.environ.get("OYEZ_CENTRAL", "127.0.0.1:3780")


def main(user: str = "anonymous") -> None:
    with oyez.sync.connect(CENTRAL, user=user, secret=os.environ.get("OYEZ_USER_SECRET")) as network:

        @network.on(where=lambda activity: user == "anonymous" or activity.user != user)
        def write(activity: oyez.Activity) -> None:
            sys.stdout.buffer.write(activity.raw + b"\n")  # as it came: nothing is decoded
            sys.stdout.buffer.flush()

        for line in sys.stdin:
            if line.strip():
                network.post(line.encode() if line.lstrip().startswith("{") else line.strip())
        network.run()  # no more input, but there is output until Ctrl-C


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
