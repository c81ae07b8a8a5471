"""The W3C's example activities arrive as they were posted: nothing re-encoded, rounded, merged or reordered."""

from pathlib import Path

from tests.blackbox.conftest import Dial
from tests.blackbox.people import Person, log_in
from tests.blackbox.processes import Network
from tests.blackbox.test_authorship import Pairs, heard, parse, post_raw, without_author

FOLDER = Path(__file__).parent.parent / "data" / "activities"
NOT_JSON = {"vocabulary-ex196-jsonld.json"}
"""One of the examples has a raw newline inside a string."""


def examples() -> dict[str, bytes]:
    """Every example as one line: its line ends, which are white space between values, become blanks."""
    texts = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.json"))}
    return {name: text.replace(b"\n", b" ") for name, text in texts.items() if name not in NOT_JSON}


def test_every_example_arrives_unchanged_at_the_other_server(
    network: Network, dial: Dial, alice: Person, bob: Person
) -> None:
    listener, poster = dial(network.servers["s2"]), dial(network.servers["s1"])
    log_in(listener, bob)
    log_in(poster, alice)
    posted = examples()
    assert len(posted) == 212
    for text in posted.values():
        post_raw(poster, alice, text)
    for peer in (listener, poster):
        for name, text in posted.items():
            activity = heard(peer)
            assert ("authenticated_user", alice.username) in activity.members, name
            assert without_author(activity) == without_author(parse(text)), name


def test_the_example_that_is_not_json_is_refused(network: Network, dial: Dial, alice: Person) -> None:
    (name,) = NOT_JSON
    text = (FOLDER / name).read_bytes()
    poster = dial(network.servers["s1"])
    log_in(poster, alice)
    post_raw(poster, alice, text)  # which is several lines on the wire, none of them an object
    poster.expect_refusal("INVALID_MESSAGE")


def test_the_comparison_sees_what_it_is_for() -> None:
    assert parse(b'{"a":1.0}') != parse(b'{"a":1}')
    assert parse(b'{"a":1}') != parse(b'{"a":"1"}')
    assert parse(b'{"a":1,"b":2}') != parse(b'{"b":2,"a":1}')
    assert parse(b'{"a":1,"a":1}') != parse(b'{"a":1}')
    assert without_author(Pairs((("authenticated_user", "x"), ("a", "y")))) == Pairs((("a", "y"),))
