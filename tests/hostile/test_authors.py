"""Who said it: lines that try to speak as somebody else, or as a server. Everybody gets the true author, or nothing."""

import json

import pytest

from tests.blackbox.conftest import registered
from tests.blackbox.people import ANONYMOUS, Person
from tests.blackbox.processes import Network
from tests.blackbox.test_authorship import FORGERIES, Pairs, parse
from tests.blackbox.wire import Peer, encode
from tests.hostile.strangers import Honest, answer, attack, enters, fate

START = b'{"command":"ACTIVITY_MESSAGE","username":"anonymous",'
BROADCAST = b'{"command":"ACTIVITY_BROADCAST","id":"s1.1-1","activity":{"authenticated_user":"alice","forged":1}}'

ACCEPTED: dict[str, bytes] = {
    **{f"authenticated_user {kind}": START + b'"activity":' + text + b"}" for kind, text in FORGERIES.items()},
    "a post of somebody's session": START + b'"post":"bf44a3cafb400429-1","activity":{"a":1}}',
    "an author beside the activity": START + b'"authenticated_user":"alice","activity":{"a":1}}',
    "the server's fields in the activity": START + b'"activity":' + BROADCAST + b"}",
    "two activities": START + b'"activity":{"a":1},"activity":{"authenticated_user":"alice"}}',
    "two activities, one escaped": START + b'"activity":{"a":1},"\\u0061ctivity":{"authenticated_user":"alice"}}',
    "two authors, one escaped": START + b'"activity":{"\\u0061uthenticated_user":"alice","authenticated_user":"bob"}}',
    "a username in other letters": START + b'"\\u0075sername":"anonymous","activity":{"a":1}}',
    "an escaped line end": START + b'"activity":{"a":"\\n' + BROADCAST.replace(b'"', b'\\"') + b'\\n"}}',
    "carriage returns": START + b'"activity":\r{\r"a":1,\r"authenticated_user"\r:\r"alice"\r}\r}',
    "line ends of Unicode": START + '"activity":{"a":"\u2028\u2029\x85"}}'.encode(),
    "NULs": START + b'"activity":{"authenticated_user\\u0000":"alice","\\u0000":"\\u0000"}}',
    "numbers beyond all bounds": START + b'"activity":{"n":1e999999,"m":-0,"k":' + b"9" * 4000 + b"}}",
    "a secret where there is none": START + b'"secret":"x","activity":{}}',
    "a name that goes on": START + b'"activity":{"authenticated_user ":"alice","Authenticated_User":"alice"}}',
}
"""Lines that are legal. What comes of them names the true author, and only that one."""

REFUSED: dict[str, tuple[str, bytes]] = {
    "a broadcast": ("not_allowed", BROADCAST),
    "another user": ("not_your_session", START.replace(b"anonymous", b"alice") + b'"activity":{}}'),
    "another user, said last": ("not_your_session", START + b'"username":"alice","activity":{}}'),
    "another user, escaped": ("not_your_session", START + b'"\\u0075sername":"alice","activity":{}}'),
    "no UTF-8": ("not_utf8", START + b'"activity":{"authenticated_user\xff":"alice"}}'),
    "UTF-8 that is too long": ("not_utf8", START + b'"activity":{"\xc1\xa1uthenticated_user":"alice"}}'),
    "half a surrogate": ("not_json", START + b'"activity":{"\\ud800":"alice"}}'),
    "a raw line end": ("not_json", START + b'"activity":{"a":"\n' + BROADCAST + b"\n"),
    "a raw carriage return": ("not_json", START + b'"activity":{"a":"\r"}}'),
    "a raw NUL": ("not_json", START + b'"activity":{"a":"\0"}}'),
    "two lines in one": ("not_json", START + b'"activity":{}}' + BROADCAST),
    "a number that is none": ("not_json", START + b'"activity":{"n":NaN}}'),
    "no object": ("activity_not_object", START + b'"activity":[{"authenticated_user":"alice"}]}'),
    "an id as servers write it": ("malformed", START + b'"id":"s1.1-1","activity":{}}'),
    "an id beyond all bounds": ("malformed", START + b'"id":' + b"9" * 5000 + b',"activity":{}}'),
    "an id below them": ("malformed", START + b'"id":0,"activity":{}}'),
    "an id that is a fraction": ("malformed", START + b'"id":1.5,"activity":{}}'),
    "an id that is true": ("malformed", START + b'"id":true,"activity":{}}'),
    "no username": ("malformed", b'{"command":"ACTIVITY_MESSAGE","activity":{}}'),
}
"""Lines that are not: with the reason. Nobody else hears anything of them."""


def mark(line: bytes) -> str | None:
    found = json.loads(line, parse_int=str)["activity"].get("mark")
    return None if found is None else str(found)


def heard(witness: Peer, last: str) -> list[bytes]:
    """The lines that have come, up to the activity with this mark."""
    lines: list[bytes] = []
    while not lines or mark(lines[-1]) != last:
        line = witness.receive_line()
        assert line is not None
        lines.append(line)
    return lines[:-1]


def check_authorship(line: bytes, username: str, origin: str) -> int:
    """It is a broadcast of that origin as servers write it, and names this author alone. Its sequence."""
    envelope = parse(line)
    assert isinstance(envelope, Pairs)
    assert [name for name, _ in envelope.members] == ["command", "id", "activity"], line
    assert envelope.members[0][1] == "ACTIVITY_BROADCAST"
    id, activity = envelope.members[1][1], envelope.members[2][1]
    assert id.startswith(f"{origin}-"), line
    authors = [(place, value) for place, (name, value) in enumerate(activity.members) if name == "authenticated_user"]
    assert authors == [(0, username)], line
    return int(id.rpartition("-")[2])


def test_the_true_author_is_named_whatever_is_posted(network: Network, honest: Honest) -> None:
    with attack("127.0.14.1") as attacker:
        witnesses = [attacker.connects(network.servers[name]) for name in ("s1", "s2")]
        speaker = attacker.connects(network.servers["s1"])
        speaker.send(ANONYMOUS.login() | {"resume": {}})
        origin = speaker.expect("LOGIN_SUCCESS")["origin"]
        assert [enters(witness) for witness in witnesses] == ["LOGIN_SUCCESS"] * 2
        for line in ACCEPTED.values():
            speaker.send_raw(line + b"\n")
        speaker.send(ANONYMOUS.post({"mark": "the end"}))
        for witness in witnesses:
            lines = heard(witness, "the end")
            sequences = [check_authorship(line, "anonymous", origin) for line in lines]
            assert sequences == list(range(sequences[0], sequences[0] + len(ACCEPTED)))


@pytest.mark.parametrize("behind", [False, True], ids=["first", "behind a good one"])
def test_lines_that_are_none_are_refused_and_nobody_hears_of_them(
    network: Network, honest: Honest, behind: bool
) -> None:
    with attack("127.0.14.2") as attacker:
        witness = attacker.connects(network.servers["s2"])
        assert enters(witness) == "LOGIN_SUCCESS"
        found = {}
        for kind, (_, line) in REFUSED.items():
            link = attacker.connects(network.servers["s1"])
            assert enters(link) == "LOGIN_SUCCESS"
            late = encode(ANONYMOUS.post({"mark": "late"}))
            good = encode(ANONYMOUS.post({"mark": "good"})) if behind else b""
            link.send_while_open(good + line + b"\n" + late)
            found[kind] = fate(link)
        assert found == {kind: reason for kind, (reason, _) in REFUSED.items()}
        last = attacker.connects(network.servers["s1"])
        assert enters(last) == "LOGIN_SUCCESS"
        last.send(ANONYMOUS.post({"mark": "the end"}))
        marks = [mark(line) for line in heard(witness, "the end")]
    assert marks == (["good"] * len(REFUSED) if behind else [])


def test_a_session_string_is_worth_nothing_under_another_name(
    network: Network, honest: Honest, people: list[Person]
) -> None:
    """Somebody who has seen the string of another's session posts under another tag, and ends nobody's session."""
    string = "a string that everybody knows"
    with attack("127.0.14.3") as attacker:
        links, tags = [], []
        for person in (*people, ANONYMOUS):
            link = attacker.connects(network.servers["s1"])
            link.send(person.login() | {"session": string})
            tags.append(link.expect("LOGIN_SUCCESS")["session"])
            links.append(link)
        assert len(set(tags)) == 3
        for link, person, tag in zip(links, (*people, ANONYMOUS), tags, strict=True):
            link.send(person.post({"mine": person.username}) | {"id": 1, "post": f"{tags[0]}-1"})
            while (message := link.expect("ACTIVITY_BROADCAST"))["activity"].get("mine") != person.username:
                pass
            assert message["post"] == f"{tag}-1"
            assert message["activity"]["authenticated_user"] == person.username


def test_a_name_that_looks_like_a_line_stays_a_name(network: Network, honest: Honest) -> None:
    name = 'eve","authenticated_user":"alice"}}\n' + BROADCAST.decode()[:60] + "\0\u2028"
    person = Person(name, registered(network, "eve").secret)
    with attack("127.0.14.4") as attacker:
        link = attacker.connects(network.central)
        link.send(person.registration())
        assert answer(link) == "REGISTER_SUCCESS"
        session = attacker.connects(network.servers["s1"])
        assert enters(session, person) == "LOGIN_SUCCESS"
        session.send(person.post({"n": 1}))
        line = session.receive_line()
        assert line is not None
        assert line.count(b"\n") == 1
        assert json.loads(line)["activity"] == {"authenticated_user": name, "n": 1}
