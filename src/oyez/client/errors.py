"""What can go wrong for a program that uses the network. Each message is a sentence for a person."""


class OyezError(Exception):
    """Anything below."""


class Refused(OyezError):
    """The network said no, for good: `info` says why to a person, `reason` (snake_case) to a program.

    The reasons are those of the protocol: "wrong_credentials", "already_registered", "anonymous_off" …
    """

    def __init__(self, reason: str, info: str) -> None:
        super().__init__(info)
        self.reason = reason
        self.info = info


class Unreachable(OyezError):
    """No central let us in: nobody answers, not in time, or not in a way that leads anywhere."""


class PostUnsettled(OyezError):
    """A post has not come back. `sent` False: it never left, and may be posted again without a second thought.

    `sent` True: it was on its way when the link broke or the time was over; it may have reached everyone, or no one.
    """

    def __init__(self, info: str, *, sent: bool) -> None:
        super().__init__(info)
        self.sent = sent


class NotAnActivity(OyezError, ValueError):
    """What was to be posted is no JSON object, or one that the network does not carry."""


class Closed(OyezError):
    """The connection was closed by this program, or never opened."""
