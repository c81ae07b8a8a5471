"""What a filter wants, and what it does not."""

import json
from typing import Any

import pytest

from oyez.client.activity import Activity
from oyez.client.filters import Wanted, predicate

NOTE = {"type": "Note", "id": "urn:note:1", "content": "hear ye", "tag": ["news", {"type": "Mention", "id": "urn:bob"}]}
CREATE = {
    "authenticated_user": "ada",
    "type": "Create",
    "actor": {"type": "Person", "id": "urn:ada"},
    "object": NOTE,
    "to": ["urn:all", "urn:bob"],
    "bto": [],
    "priority": 2,
    "urgent": True,
    "context": None,
    "name": "",
}


def activity(members: dict[str, Any]) -> Activity:
    return Activity("s1.1-1", json.dumps(members).encode())


def wants(members: dict[str, Wanted], of: dict[str, Any] = CREATE) -> bool:
    test = predicate(None, members)
    return test is None or bool(test(activity(of)))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"type": None},
        {"type": "Create"},
        {"type": ("Like", "Create")},
        {"type": {"Create"}},  # of one alone: the id of this test must not depend on an order
        {"type": frozenset({"Create"})},
        {"type": ["Create"], "authenticated_user": "ada", "urgent": True},
        {"actor": "urn:ada"},  # an object is meant by its id
        {"actor": {"type": "Person"}},
        {"actor": ("urn:bob", {"id": "urn:ada"})},
        {"to": "urn:bob"},  # one of the list is enough
        {"object": {"type": "Note", "content": "hear ye"}},
        {"object": {"tag": "news"}},
        {"object": {"tag": {"type": "Mention"}}},
        {"object": {"tag": "urn:bob"}},
        {"object": {}},
        {"object": {"type": None}},
        {"priority": 2},
        {"priority": 2.0},
        {"urgent": True},
        {"name": ""},
    ],
    ids=str,
)
def test_wanted(members: dict[str, Wanted]) -> None:
    assert wants(members)


@pytest.mark.parametrize(
    "members",
    [
        {"type": "create"},
        {"type": "Creat"},
        {"type": ()},
        {"type": ("Like", "Announce")},
        {"type": "Create", "authenticated_user": "bob"},
        {"actor": "ada"},
        {"actor": {"type": "Person", "id": "urn:bob"}},
        {"to": "urn:ada"},
        {"bto": "urn:bob"},
        {"object": {"type": "Create"}},
        {"object": {"summary": ""}},
        {"type": {"type": "Create"}},
        {"priority": True},
        {"priority": "2"},
        {"urgent": 1},
        {"urgent": False},
        {"context": False},
        {"context": ""},
        {"nothing": ""},
        {"nothing": False},
    ],
    ids=str,
)
def test_not_wanted(members: dict[str, Wanted]) -> None:
    assert not wants(members)


def test_true_is_not_one_nor_one_true() -> None:
    assert not wants({"n": 1}, {"n": True})
    assert not wants({"n": True}, {"n": 1})
    assert not wants({"n": 0}, {"n": False})


def test_a_function_says_the_rest_and_is_asked_last() -> None:
    asked: list[str] = []

    def ask(activity: Activity) -> str:
        asked.append(activity.id)
        return str(activity.object["content"])

    test = predicate(ask, {"type": "Note"})
    assert test is not None
    assert test(activity({"type": "Note", "content": "hear ye"}))
    assert not test(activity({"type": "Note", "content": ""}))
    assert len(asked) == 2
    assert not test(activity({"type": "Like"}))
    assert len(asked) == 2


def test_an_activity_is_decoded_once_for_all_who_look() -> None:
    seen = activity(CREATE)
    tests = [predicate(None, {"type": "Create"}), predicate(lambda one: one.object["name"] == "", {"actor": "urn:ada"})]
    decoded = seen.object
    seen.raw = b"not JSON"  # a second look at it would fail
    assert all(test is not None and test(seen) for test in tests)
    assert seen.object is decoded


@pytest.mark.parametrize(
    "members", [{"type": b"Create"}, {"type": ("Note", object)}, {"object": {"tag": b"x"}}], ids=str
)
def test_what_no_activity_can_have_is_told_at_once(members: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"^(type|tag) can't be compared"):
        predicate(None, members)


async def later(activity: Activity) -> bool:
    return True


@pytest.mark.parametrize("where", ["Create", later])
def test_a_predicate_that_says_nothing_at_once_is_told(where: Any) -> None:
    with pytest.raises(TypeError, match="says true or false at once"):
        predicate(where, {})
