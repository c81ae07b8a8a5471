"""The words of the wire: what a struct looks like to a person, and what it never shows."""

import pytest

from oyez.protocol.messages import Address, ClientMessage, Message, Refusal
from tests.protocol.messages_of import KINDS


def test_an_address_reads_as_people_write_it() -> None:
    assert str(Address("oyez.example", 3780)) == "oyez.example:3780"


def test_addresses_are_values() -> None:
    assert {Address("b", 1), Address("a", 2), Address("a", 2)} == {Address("a", 2), Address("b", 1)}
    assert sorted([Address("b", 1), Address("a", 2), Address("a", 1)])[0] == Address("a", 1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_whatever_says_yes_or_no_to_a_client_has_an_info(kind: type[Message]) -> None:
    """Client programs of other people read it without asking whether it is there."""
    tag = str(kind.__struct_config__.tag)
    if tag.endswith(("_SUCCESS", "_FAILED", "_FAIL", "INVALID_MESSAGE")) and kind in ClientMessage.__args__:
        required = kind.__struct_fields__[: len(kind.__struct_fields__) - len(kind.__struct_defaults__)]
        assert "info" in required
    assert issubclass(kind, Refusal) == tag.endswith(("_FAILED", "_FAIL", "INVALID_MESSAGE", "NOT_MAIN"))
