"""A terminal as the screen of a conversation: the feed runs above a prompt that stays at the bottom."""

import sys
from contextlib import suppress

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.patch_stdout import patch_stdout

from oyez.cli.conversation import Conversation, Quit


class Terminal:
    """A `conversation.Screen` on this terminal."""

    def __init__(self) -> None:
        self._secrets = PromptSession[str]()  # apart, so that they are in no history

    def activity(self, user: str, text: str) -> None:
        """See `conversation.Screen`."""
        indented = text.replace("\n", "\n    ")
        print_formatted_text(FormattedText([("bold", user), ("", f": {indented}")]))

    def info(self, text: str) -> None:
        """See `conversation.Screen`."""
        print_formatted_text(FormattedText([("ansibrightblack", f"-- {text}")]))

    async def secret(self, user: str, *, new: bool) -> str | None:
        """See `conversation.Screen`."""
        try:
            secret = await self._ask(f"Secret for {user}: ")
            again = await self._ask("The same again: ") if new and secret else secret
        except (EOFError, KeyboardInterrupt):
            secret = again = ""
        if not secret or secret != again:
            self.info("these were two different secrets" if secret else "no secret was given")
            return None
        return secret

    async def _ask(self, question: str) -> str:
        return await self._secrets.prompt_async(question, is_password=True)


async def talk(conversation: Conversation) -> None:
    """Until the person has had enough."""
    prompt = PromptSession[str](
        completer=WordCompleter(conversation.commands, sentence=True),
        complete_while_typing=True,
        bottom_toolbar=lambda: conversation.place,
        refresh_interval=1.0,
    )
    with patch_stdout(raw=True), suppress(EOFError, KeyboardInterrupt, Quit):
        while True:
            user = conversation.network.user if conversation.network is not None else ""
            await conversation.typed(await prompt.prompt_async(f"{user}> "))
    sys.stdout.flush()
