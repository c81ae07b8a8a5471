"""How every role says no: the message, then the end of the link, and a word to the operator (promise 10)."""

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.peer import From
from oyez.protocol.messages import InvalidMessage, Malformed, Message, Refusal

TOLD = 500
"""Most characters of what a peer says that are told to the operator: anybody may be that peer."""


def refuse(link: int, message: Refusal, who: From | None = None) -> Effects:
    """Answer with `message`, and close. `who` is told to the operator where it matters from where somebody comes."""
    fields: dict[str, object] = {"link": link, "command": command(message), "reason": message.reason}
    fields["info"] = message.info
    if who is not None:
        fields["address"] = who.address
    return [fx.Send(link, message), fx.Close(link), fx.Report("refused", fields)]


def refuse_out_of_place(link: int, message: Message) -> Effects:
    """It is a command, but not one that may be sent on this link now."""
    return refuse(link, InvalidMessage(f"{command(message)} is not allowed here and now", "not_allowed"))


def refuse_unreadable(link: int, message: InvalidMessage) -> Effects:
    """Answer a line that was no message; where it is the peer who complains of ours, just part."""
    if isinstance(message, Malformed):
        return refuse(link, message)
    return [fx.Close(link), fx.Report("peer_complained", {"link": link, "info": message.info[:TOLD]})]


def command(message: Message) -> str:
    """The message's name on the wire."""
    return str(message.__struct_config__.tag)
