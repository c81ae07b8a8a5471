"""docs/protocol.md says what the code does: every example, field, limit and reason, and who takes what.

Each test compares in both directions: nothing in the code is missing on the page, and nothing on the page is missing
in the code.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from oyez.core import tickets
from oyez.core.origin import Origin
from oyez.core.server.sessions import Session, tag_of
from oyez.protocol import activity, codec, limits
from oyez.protocol.framing import MESSAGE_PREFIX
from oyez.protocol.messages import Login, Malformed, Refusal
from oyez.protocol.nodes import NodeId
from tests.docs.markdown import ROOT, Section, read
from tests.docs.wire_page import COMMANDS, SECTIONS, command_of, example_lines, marked

SOURCE = ROOT / "src" / "oyez"
FIELDS = ["field", "type", "mandatory", "meaning"]


def parts_of(kind: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    """The structs that a field of this type holds, however deep."""
    match kind:
        case inspect.StructType():
            yield kind.cls
            for field in kind.fields:
                yield from parts_of(field.type)
        case inspect.ListType() | inspect.VarTupleType():
            yield from parts_of(kind.item_type)
        case inspect.DictType():
            yield from parts_of(kind.value_type)
        case inspect.UnionType():
            for one in kind.types:
                yield from parts_of(one)


def fields_of(struct: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return info.fields


PARTS: dict[str, type[msgspec.Struct]] = {
    part.__name__: part for struct in COMMANDS.values() for field in fields_of(struct) for part in parts_of(field.type)
}


# Examples


@pytest.mark.parametrize("line", example_lines())
def test_an_example_is_what_the_codec_understands(line: str) -> None:
    message = codec.decode(line.encode())
    assert not isinstance(message, Malformed), message.info
    assert type(message) is COMMANDS[command_of(line)]
    assert json.loads(codec.encode(message)) == json.loads(line)


@pytest.mark.parametrize("line", [line for line in example_lines() if command_of(line) == "ACTIVITY_BROADCAST"])
def test_an_example_of_a_broadcast_is_in_the_bytes_of_a_server(line: str) -> None:
    example = json.loads(line)
    server, incarnation, sequence = re.fullmatch(r"(.+)\.(\d+)-(\d+)", example["id"]).groups()  # type: ignore[union-attr]
    tag, _, post = example.get("post", "-").rpartition("-")
    session = Session(1, example["activity"].pop("authenticated_user"), None, tag, aware=False)
    origin = Origin(server, int(incarnation), 1000)
    origin.sequence = int(sequence) - 1
    posted = line[line.index('"authenticated_user"') :].partition(",")[2][:-2]
    members = activity.body(b"{%b}" % posted.encode())
    assert isinstance(members, bytes)
    origin.accept(session.opening_for(int(post) if post else None), members)
    chunk = origin.take()
    assert chunk is not None
    assert chunk.data == line.encode() + b"\n"
    assert chunk.data.startswith(MESSAGE_PREFIX)


def test_the_tag_in_the_examples_is_the_one_of_the_session() -> None:
    strings = {
        (login.username, login.session)
        for line in example_lines()
        if isinstance(login := codec.decode(line.encode()), Login) and login.session
    }
    tags = {tag_of(username, session) for username, session in strings}
    posts = {json.loads(line).get("post", "").rpartition("-")[0] for line in example_lines()} - {""}
    assert posts == tags


def test_what_any_program_may_add_is_ignored() -> None:
    [(mark, block)] = SECTIONS["The additive rule"].blocks
    assert mark == "json"
    assert isinstance(codec.decode(block.strip().encode()), Login)
    assert "my_program" in block


# Commands and fields


def test_every_command_has_a_section_with_examples_and_no_other_has() -> None:
    headed = {title for title in SECTIONS if re.fullmatch(r"[A-Z_]{3,}", title)}
    assert headed == set(COMMANDS)
    exemplified: dict[str, set[str]] = defaultdict(set)
    for title, line in marked("wire"):
        exemplified[title].add(command_of(line))
    assert exemplified == {command: {command} for command in COMMANDS}


def test_every_part_has_a_section() -> None:
    assert {title for title, section in SECTIONS.items() if section.level == 4} == set(PARTS)


def says(kind: inspect.Type) -> str:
    """The words of the page for a type."""
    match kind:
        case inspect.UnionType(types=types):
            optional = " or null" if any(isinstance(one, inspect.NoneType) for one in types) else ""
            [words] = [says(one) for one in types if not isinstance(one, inspect.NoneType)]
            return words + ("," if "," in words or words.startswith("list") else "") + optional
        case inspect.StrType(max_length=None):
            return "string"
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            characters = {None: "characters", node_id_pattern(): "letters, digits, `_` or `-`"}[pattern]
            return f"string, {least or 0}–{most} {characters}"
        case inspect.IntType(ge=None, le=None):
            return "integer"
        case inspect.IntType(ge=least, le=most):
            return f"integer, {least}–{'2^53' if most == 2**53 else most}"
        case inspect.FloatType():
            return "number"
        case inspect.BoolType():
            return "boolean"
        case inspect.RawType():
            return "object"  # `activity`: that it is one, `protocol.activity` sees to
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"list of {says(item)}"
        case inspect.DictType(key_type=key, value_type=value):
            return f"object of {says(value)} by {says(key)}"
        case inspect.StructType(cls=cls):
            return f"[{cls.__name__}](#{cls.__name__.lower()})"
    raise AssertionError(f"the page has no words for {kind}")


@cache
def node_id_pattern() -> str | None:
    kind = inspect.type_info(NodeId)
    assert isinstance(kind, inspect.StrType)
    return kind.pattern


@pytest.mark.parametrize("name", [*COMMANDS, *PARTS])
def test_the_table_of_fields_is_the_structs(name: str) -> None:
    section, struct = SECTIONS[name], COMMANDS.get(name) or PARTS[name]
    fields = [[field.encode_name, says(field.type), "yes" if field.required else "no"] for field in fields_of(struct)]
    if not fields:
        assert section.tables == []
        assert "\nNo fields.\n" in section.text
        return
    [[heading, *rows]] = section.tables
    assert heading == FIELDS
    assert [row[:3] for row in rows] == fields


def test_what_the_absence_of_a_field_means_is_its_default() -> None:
    """Where the meaning says "Absent: X", X is the struct's default."""
    wrong = []
    for name, struct in (COMMANDS | PARTS).items():
        for field, row in zip(fields_of(struct), table_rows(SECTIONS[name]), strict=True):
            said = re.search(r"Absent: (\d+|true|false)", row[3])
            if said and json.loads(said[1]) != field.default:
                wrong.append((name, field.name, said[1], field.default))
    assert wrong == []


def table_rows(section: Section) -> list[list[str]]:
    return section.tables[0][1:] if section.tables else []


# Limits


def test_the_table_of_limits_is_the_codes() -> None:
    [[_, *rows]] = SECTIONS["Limits"].tables
    said = {name: tuple(int(number) for number in value.split(", ")) for name, value, _ in rows}
    bounds = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert said == {name: value if isinstance(value, tuple) else (value,) for name, value in bounds.items()}


# Reasons


ANSWERS: list[type[msgspec.Struct]] = [*COMMANDS.values(), Refusal, Malformed]
REFUSALS = {struct.__name__ for struct in ANSWERS if issubclass(struct, Refusal)}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(read(path))


def reasons_in(path: Path) -> Iterator[tuple[str, str]]:
    """Each reason that a module gives, with the struct that carries it."""
    for call in [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in REFUSALS:
            values = [keyword.value for keyword in call.keywords if keyword.arg == "reason"] or call.args[1:2]
            assert values, f"a refusal without a reason: {path}:{call.lineno}"
            for reason in resolved(values[0], path):
                yield name, reason


def resolved(value: ast.expr, path: Path) -> set[str]:
    """What a reason may be: a text, the reason of a refusal that was made elsewhere, or what a function has found."""
    match value:
        case ast.Constant(value=str(reason)):
            return {reason}
        case ast.Attribute(attr="reason"):
            return set()
        case ast.Name(id=name):
            calls = list(calls_assigned_to(name, parsed(path)))
            assert calls, f"where does the reason {name} come from? {path}:{value.lineno}"
            return {text for module, function in calls for text in texts_returned_by(module, function)}
    raise AssertionError(f"what is this reason? {path}:{value.lineno}: {ast.unparse(value)}")


def calls_assigned_to(name: str, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and function of each `name = module.function(...)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=target)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=function)),
            ) if target == name:
                yield module, function


def texts_returned_by(module: str, function: str) -> set[str]:
    """The strings that a function may return as they stand."""
    return {
        text.value
        for path in SOURCE.rglob(f"{module}.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.name == function
        for statement in ast.walk(node)
        if isinstance(statement, ast.Return)
        for text in ast.walk(statement)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    }


def test_the_table_of_reasons_is_the_codes() -> None:
    tags = {struct.__name__: tag for tag, struct in COMMANDS.items()} | {"Malformed": "INVALID_MESSAGE"}
    used: dict[str, set[str]] = defaultdict(set)
    for path in sorted(SOURCE.rglob("*.py")):
        for struct, reason in reasons_in(path):
            used[reason].add(tags.get(struct, ""))
    [[_, *rows]] = SECTIONS["Reasons"].tables
    said = {reason.strip("`"): set(commands.split(", ")) for reason, commands, _, _ in rows}
    assert set(said) == set(used)
    # A bare Refusal is no command: whoever passes it on gives it one.
    assert {reason for reason, commands in used.items() if not commands - {""} <= said[reason]} == set()


def test_the_reasons_of_tickets_are_found_where_they_are_made() -> None:
    """So that the test above can't miss them unseen."""
    module = tickets.__name__.rpartition(".")[2]
    assert texts_returned_by(module, tickets.check.__name__) >= {"ticket_forged", "ticket_expired", "ticket_elsewhere"}


def test_each_reason_is_explained() -> None:
    [[heading, *rows]] = SECTIONS["Reasons"].tables
    assert heading == ["reason", "comes with", "says", "what to do"]
    assert [row for row in rows if not all(row)] == []


def test_the_commands_that_say_no_are_the_refusals() -> None:
    [[_, *rows]] = SECTIONS["Refusals"].tables
    assert {row[0] for row in rows} == {tag for tag, struct in COMMANDS.items() if issubclass(struct, Refusal)}
