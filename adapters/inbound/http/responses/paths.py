"""The paths of a response's fields, by those of a chat completion's. Pure."""

from collections.abc import Mapping
from typing import Final

from . import wire
from .items import runs_of
from .tools import callable_tools

_OWN: Final = {
    "messages": "input",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "tool_choice.function.name": "tool_choice.name",
}
_FORMAT: Final = "response_format.json_schema"
_OF_CALLS: Final = {".id": ".call_id", ".function.name": ".name", ".function.arguments": ".arguments"}
_OF_ITEMS: Final = {".tool_call_id": ".call_id", ".role": ".type"}


def own_path(body: wire.ResponsePromptIn, path: str) -> str:
    """The path of the same field in this body; what is none of a chat completion's as it is."""
    if path in _OWN:
        return _OWN[path]
    if path.startswith(_FORMAT):
        return "text.format" + path.removeprefix(_FORMAT)
    head, number, below = _split(path)
    match head:
        case "messages":
            return _in_input(body, number, below)
        case "tools":
            paths = [path for path, *_ in callable_tools(body)]
            return paths[number] + below.replace(".function", "", 1) if number < len(paths) else head
        case _:
            return path


def _split(path: str) -> tuple[str, int, str]:
    """`tools[2].name` as its three parts; a path without a number has no head."""
    head, _, rest = path.partition("[")
    number, closed, below = rest.partition("]")
    return (head, int(number), below) if closed and number.isdecimal() else ("", 0, path)


def _in_input(body: wire.ResponsePromptIn, number: int, below: str) -> str:
    """`number` is the domain's, which has a message for the instructions, and one for all items of an answer."""
    number -= bool(body.instructions)
    if number < 0:
        return "instructions"
    if isinstance(body.input, str):
        return "input"
    runs = runs_of(body.input)
    if number >= len(runs):
        return "input"
    run = runs[number]
    _, call, rest = _split(below.removeprefix(".")) if "[" in below else ("", 0, "")
    if below.startswith(".tool_calls"):
        calls = [at for at in run if body.input[at].call_id is not None]
        return _renamed(f"input[{calls[call]}]", rest, _OF_CALLS) if call < len(calls) else "input"
    first = next((at for at in run if body.input[at].type == "message"), run[0])
    if body.input[first].output is not None:
        below = below.replace(".content", ".output", 1)
    elif len(run) > 1 and below.startswith(".content["):
        below = ".content"
    return _renamed(f"input[{first}]", below, _OF_ITEMS)


def _renamed(item: str, below: str, names: Mapping[str, str]) -> str:
    """What goes with an item as a whole is told by the item."""
    return item if below == ".extra_content" else item + names.get(below, below)
