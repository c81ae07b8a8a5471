"""Whose pages may speak with a node, and by which names it is asked."""

import pytest

from oyez.web.origins import Origins

NETWORK = Origins(["https://app.example/"], lambda: ["Central.example"])


@pytest.mark.parametrize(
    "origin",
    ["http://central.example:3780", "https://app.example", "http://localhost:1", "http://127.0.0.1:4000", None],
)
def test_pages_of_the_network_may_speak(origin: str | None) -> None:
    assert NETWORK.allows(origin, "127.0.0.1:3780")


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://app.example", "http://10.0.0.1", "https://[", "file://"]
)
def test_others_may_not(origin: str) -> None:
    assert not NETWORK.allows(origin, "127.0.0.1:3780")


def test_a_name_that_was_made_to_point_here_is_none_of_this_node() -> None:
    """Then the page and what it asks have one origin, and a browser sends none."""
    assert not NETWORK.allows("http://evil.example:3780", "evil.example:3780")
    assert not NETWORK.serves("evil.example:3780")


@pytest.mark.parametrize(
    "host", ["central.example", "CENTRAL.example:3780", "app.example", "localhost:1", "10.0.0.1:1", "[::1]:3780", None]
)
def test_names_of_this_node(host: str | None) -> None:
    assert NETWORK.serves(host)


def test_an_operator_may_let_anybody_in() -> None:
    anybody = Origins(["*"])
    assert anybody.allows("https://evil.example", "here")
    assert anybody.allows("null", "here")
    assert anybody.serves("any.name")
