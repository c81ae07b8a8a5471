"""Which activities a reader wants, by what they are: `type="Create"`, `object={"type": "Note"}`, a predicate.

Guarantees: decides on `Activity.object`, which is decoded once for whoever looks at it, the program included; what can
never be wanted is told when the filter is made. Must not know: where activities come from.
"""

from collections.abc import Callable, Mapping, Set
from inspect import iscoroutinefunction
from typing import Any

from oyez.client.activity import Activity

Wanted = str | int | float | bool | list[Any] | tuple[Any, ...] | Set[Any] | Mapping[str, Any] | None
"""What a member of an activity has to be.

A text, a number, True or False: equal to it. A list, tuple or set: any of these. A mapping: an object whose members are
as it says. None: anything, or nothing at all. Where the activity has a list, one of its elements is enough (`"type":
["Note", "Article"]` is a Note); where it has an object, that is meant by its `id`, too, as in ActivityStreams.
"""

Predicate = Callable[[Activity], object]
"""Says by what is true or false whether an activity is wanted."""

_Test = Callable[[Any], bool]


def predicate(where: Predicate | None, members: Mapping[str, Wanted]) -> Predicate | None:
    """What is true of the activities that `where` and every one of `members` want; None: all. Raises TypeError."""
    given: object = where
    if given is not None and (not callable(given) or iscoroutinefunction(given)):
        raise TypeError(f"where= takes a function that says true or false at once, not {where!r}")
    if all(wanted is None for wanted in members.values()):
        return where
    matches = _members(members)
    if where is None:
        return lambda activity: matches(activity.object)
    return lambda activity: matches(activity.object) and where(activity)


def _members(members: Mapping[str, Wanted]) -> _Test:
    tests = [(name, _test(wanted, name)) for name, wanted in members.items() if wanted is not None]

    def test(value: Any) -> bool:
        return isinstance(value, dict) and all(name in value and test(value[name]) for name, test in tests)

    return test


def _test(wanted: Any, name: str) -> _Test:
    """Of the value of a member that is there."""
    match wanted:
        case bool():
            return _one_of(lambda value: value is wanted)
        case str():
            return _one_of(lambda value: value == wanted or (isinstance(value, dict) and value.get("id") == wanted))
        case int() | float():
            return _one_of(lambda value: value == wanted and not isinstance(value, bool))
        case Mapping():
            return _one_of(_members(wanted))
        case list() | tuple() | Set():
            tests = [_test(one, name) for one in wanted]
            return lambda value: any(test(value) for test in tests)
    raise TypeError(f"{name} can't be compared with {wanted!r}: only with what JSON has, or with several of that")


def _one_of(test: _Test) -> _Test:
    """The same of a list, if it holds for an element."""
    return lambda value: any(map(test, value)) if isinstance(value, list) else test(value)
