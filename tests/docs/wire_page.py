"""docs/protocol.md as the tests read it, beside the commands that the codec knows."""

import json
from typing import get_args

import msgspec

from oyez.protocol.messages import ClientMessage
from oyez.protocol.nodes import NodeMessage
from oyez.protocol.peers import PeerMessage
from oyez.protocol.users import UserMessage
from tests.docs.markdown import DOCS, read, sections

SECTIONS = {section.title: section for section in sections(read(DOCS / "protocol.md"))}

COMMANDS: dict[str, type[msgspec.Struct]] = {
    str(struct.__struct_config__.tag): struct
    for struct in get_args(ClientMessage | NodeMessage | PeerMessage | UserMessage)
}


def marked(mark: str) -> list[tuple[str, str]]:
    """Each line of the blocks with this mark, with the title of its section."""
    return [
        (section.title, line)
        for section in SECTIONS.values()
        for given, block in section.blocks
        if given == mark
        for line in block.splitlines()
    ]


def example_lines() -> list[str]:
    """Each message that the page shows."""
    spoken = [line[line.index("{") :] for _, line in marked("conversation") if "{" in line]
    return [line for _, line in marked("wire")] + spoken


def command_of(line: str) -> str:
    return str(json.loads(line)["command"])
