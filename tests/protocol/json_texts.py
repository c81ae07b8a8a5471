"""Hypothesis strategies for JSON texts: not the values, but every way in which people and programs write them."""

from hypothesis import strategies as st

from tests.protocol.messages_of import CHARACTERS

AUTHOR = "authenticated_user"
SHORT = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

SPACES = st.text(" \t\r", max_size=2)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
LITERALS = st.sampled_from(["true", "false", "null"])
NEAR_AUTHOR = [AUTHOR + "2", "Authenticated_user", AUTHOR[:-1], AUTHOR + "\x00", "authenticated\x5fuser ", ""]


def _escaped(letter: str) -> str:
    pair = letter.encode("utf-16-be")
    return "".join(f"\\u{pair[i : i + 2].hex()}" for i in range(0, len(pair), 2))


@st.composite
def spellings(draw: st.DrawFn, text: str) -> str:
    """A JSON string for `text`: each letter as it is, or escaped one way or the other."""
    eager = draw(st.integers(0, 3))  # 0: escapes nothing that need not be
    letters = []
    for letter in text:
        must = letter in '"\\' or letter < " "
        if not must and (not eager or draw(st.integers(0, 3)) >= eager):
            letters.append(letter)
        elif letter in SHORT and draw(st.booleans()):
            letters.append(SHORT[letter])
        else:
            escape = _escaped(letter)
            letters.append(escape.upper().replace("\\U", "\\u") if draw(st.booleans()) else escape)
    return '"' + "".join(letters) + '"'


TEXTS = st.text(CHARACTERS, max_size=6)
STRINGS = (TEXTS | st.sampled_from([AUTHOR, "\\", '"', '{"', "[[", "\u2028", "a\rb", "\n"])).flatmap(spellings)
KEYS = st.sampled_from([AUTHOR, AUTHOR, *NEAR_AUTHOR, "id", "content", "😀"]).flatmap(spellings) | STRINGS


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """An object with some members, and white space everywhere it may stand."""
    space = draw(st.booleans())

    def gap() -> str:
        return draw(SPACES) if space else ""

    count = draw(st.integers(0, 5))
    members = [f"{gap()}{draw(KEYS)}{gap()}:{gap()}{draw(values)}{gap()}" for _ in range(count)]
    return "{" + (",".join(members) or gap()) + "}"


VALUES = st.recursive(
    STRINGS | NUMBERS | LITERALS,
    lambda inner: objects(inner) | st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
    max_leaves=6,
)
OBJECTS = objects(VALUES)
"""JSON objects as text, many with forged authors at the top and below it."""
