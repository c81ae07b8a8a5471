"""A bot: answers Notes that begin with an exclamation mark. Try `!ping`, `!who` and `!help` in chat.py.

It is one coroutine for each command; all of them wait at the same time, on one thread.
"""

import asyncio
import os
from contextlib import suppress

import oyez

CENTRAL = os.environ.get("OYEZ_CENTRAL", "127.0.0.1:3780")


async def main() -> None:
    network = oyez.connect(CENTRAL)

    async def answer(question: oyez.Activity, text: str) -> None:
        await network.post({"type": "Note", "content": text, "inReplyTo": question.id})

    @network.on(type="Note", content="!ping")
    async def ping(activity: oyez.Activity) -> None:
        await answer(activity, "pong")

    @network.on(type="Note", content="!who")
    async def who(activity: oyez.Activity) -> None:
        there = await network.who()
        await answer(activity, f"{there.total} are here, {len(there.users)} of them by name")

    @network.on(type="Note", content="!help")
    async def explain(activity: oyez.Activity) -> None:
        await answer(activity, "I know ping, who and help")

    async with network:
        print(f"listening at {network.server}", flush=True)
        await network.run()  # until Ctrl-C; what goes wrong in a callback comes out here


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
