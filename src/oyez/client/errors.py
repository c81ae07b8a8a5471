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
    """A post has not come back in time. `times` is how often it was sent: again after each lost link.

    `sent` False: it never left, and may be posted again without a second thought. `sent` True: it may have reached
    everyone, or no one, and may still do so.
    """

    def __init__(self, info: str, *, times: int) -> None:
        super().__init__(info)
        self.times = times

    @property
    def sent(self) -> bool:
        """Has it left at all?"""
        return self.times > 0


class NotAnActivity(OyezError, ValueError):
    """What was to be posted is no JSON object, or one that the network does not carry."""


class Closed(OyezError):
    """The connection was closed by this program, or never opened."""
