"""The paths of Anthropic's fields, by those of a chat completion's. Pure."""

from typing import Final

from . import wire

_OWN: Final = {
    "stop": "stop_sequences",
    "reasoning_effort": "output_config.effort",
    "response_format": "output_config.format",
    "response_format.json_schema.schema": "output_config.format.schema",
    "tool_choice.function.name": "tool_choice.name",
}
_OF_TOOLS: Final = ((".function.parameters", ".input_schema"), (".function", ""))


def own_path(body: wire.MessagesPrompt, path: str) -> str:
    """The path of the same field in this body; what is none of a chat completion's as it is."""
    if path in _OWN:
        return _thinking(body) or _OWN[path] if path == "reasoning_effort" else _OWN[path]
    head, bracket, rest = path.partition("[")
    number, _, below = rest.partition("]")
    if not bracket or not number.isdecimal():
        return path
    if head == "tools":
        for theirs, ours in _OF_TOOLS:
            if below.startswith(theirs):
                return f"tools[{number}]{ours}{below.removeprefix(theirs)}"
    return _in_messages(body, int(number), below) if head == "messages" else path


def _thinking(body: wire.MessagesPrompt) -> str:
    return "thinking" if body.thinking is not None and not (body.output_config and body.output_config.effort) else ""


def _in_messages(body: wire.MessagesPrompt, number: int, below: str) -> str:
    """`number` is the domain's, which has a message for the system's text, and one for each result of a tool."""
    number -= bool(body.system)
    if number < 0:
        return "system"
    for at, turn in enumerate(body.messages):
        blocks = [] if isinstance(turn.content, str) else turn.content
        results = [n for n, block in enumerate(blocks) if isinstance(block, wire.ToolResultIn)]
        if number < (len(results) or 1):
            path = f"messages[{at}]"
            if results:
                below = below.replace(".tool_call_id", ".tool_use_id")
                return f"{path}.content[{results[number]}]{below}"
            if below.startswith(".tool_calls["):
                return f"{path}.content{_of_calls(turn, below)}"
            return path + below.replace(".extra_content", ".content").replace(".tool_calls", ".content")
        number -= len(results) or 1
    return "messages"


def _of_calls(turn: wire.TurnIn, below: str) -> str:
    number, _, rest = below.removeprefix(".tool_calls[").partition("]")
    calls = [n for n, block in enumerate(turn.content) if isinstance(block, wire.ToolUseIn)]
    rest = rest.replace(".function", "").replace(".extra_content", "")
    return f"[{calls[int(number)]}]{rest}" if int(number) < len(calls) else ""
