"""How every role says no."""

import pytest

from oyez.core import effects as fx
from oyez.core.refusal import command, refuse, refuse_out_of_place, refuse_unreadable
from oyez.protocol.messages import InvalidMessage, LoginFailed, Malformed, Register
from tests.protocol.messages_of import KINDS


def test_a_refusal_is_said_then_the_link_ends_and_the_operator_knows() -> None:
    message = LoginFailed("wrong", "wrong_credentials")
    fields = {"link": 7, "command": "LOGIN_FAILED", "reason": "wrong_credentials", "info": "wrong"}
    assert refuse(7, message) == [fx.Send(7, message), fx.Close(7), fx.Report("refused", fields)]


def test_what_is_out_of_place_is_named() -> None:
    said = refuse_out_of_place(7, Register("bob", "open sesame"))
    assert said[0] == fx.Send(7, InvalidMessage("REGISTER is not allowed here and now", "not_allowed"))
    assert "sesame" not in repr(said)


def test_a_line_that_is_no_message_gets_its_explanation() -> None:
    malformed = Malformed("the line is blank", "not_json")
    assert refuse_unreadable(7, malformed) == refuse(7, malformed)


def test_a_peer_that_complains_is_not_complained_to() -> None:
    """Or two programs that don't understand each other would never stop."""
    effects = refuse_unreadable(7, InvalidMessage("what?"))
    assert effects[0] == fx.Close(7)
    assert not any(isinstance(effect, fx.Send) for effect in effects)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_commands_have_the_name_that_they_have_on_the_wire(kind: type) -> None:
    assert command(kind) == kind.__struct_config__.tag  # type: ignore[arg-type, attr-defined]
