"""The tools of a request as functions, which is all that providers call, and what each of them was. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from llm_gateway.domain.chat import NamedTool, Tool, ToolChoice, ToolMode
from llm_gateway.domain.errors import InvalidRequest

from . import wire
from .fields import LEFT_OUT_TOOLS

NO_ARGUMENTS: Final = "{}"
_REFUSED: Final = "is not taken here: no tool is run here: send functions of the client's own"
_FORCED: Final = "can't be forced here: send the tools that are allowed, and name a function or a custom tool of them"
_encode = json.Encoder().encode


class CustomInput(Struct, frozen=True, kw_only=True):
    """The arguments of a function that stands for a custom tool."""

    input: str


_custom_input = json.Decoder(CustomInput)


class ToolOrigin(Struct, frozen=True, kw_only=True):
    """What a function was in the request: a custom tool, one of a namespace, or itself."""

    name: str
    namespace: str | None = None
    custom: bool = False


Placed: TypeAlias = tuple[str, wire.CallableTool, wire.NamespaceTool | None]
"""A tool that can be called, with its path and its namespace."""


def full_name(name: str, namespace: str | None) -> str:
    return f"{namespace}__{name}" if namespace else name


def all_tools(body: wire.ResponsePromptIn) -> Iterator[tuple[str, wire.AnyTool]]:
    """Those of the request and of its items, with their paths."""
    for at, tool in enumerate(body.tools or ()):
        yield f"tools[{at}]", tool
    for number, item in enumerate(body.input if isinstance(body.input, list) else ()):
        for at, tool in enumerate(item.tools or ()):
            yield f"input[{number}].tools[{at}]", tool


def callable_tools(body: wire.ResponsePromptIn) -> Iterator[Placed]:
    for path, tool in all_tools(body):
        match tool:
            case wire.NamespaceTool(tools=inner):
                for at, one in enumerate(inner):
                    yield f"{path}.tools[{at}]", one, tool
            case wire.FunctionTool() | wire.CustomTool():
                yield path, tool, None
            case _:
                pass


def left_out(body: wire.ResponsePromptIn) -> Iterator[str]:
    """The paths and types of tools that the model does without. Raises `InvalidRequest` for those that are refused."""
    for path, tool in all_tools(body):
        if isinstance(tool, wire.HostedTool):
            kind = str(tool.__struct_config__.tag)
            if kind not in LEFT_OUT_TOOLS:
                raise InvalidRequest.at(path, f"{kind} {_REFUSED}")
            yield f"{path} {kind}"


def origins_of(body: wire.ResponsePromptIn) -> Mapping[str, ToolOrigin]:
    """By the name that the model calls."""
    origins = {}
    for _, tool, within in callable_tools(body):
        namespace = within.name if within is not None else None
        origin = ToolOrigin(name=tool.name, namespace=namespace, custom=isinstance(tool, wire.CustomTool))
        origins[full_name(tool.name, namespace)] = origin
    return origins


def to_tool(placed: Placed) -> Tool:
    _, tool, within = placed
    name, description = full_name(tool.name, within.name if within else None), tool.description
    if within is not None and within.description and tool is within.tools[0]:  # once: it may be long
        description = f"{within.description}\n\n{description}" if description else within.description
    match tool:
        case wire.FunctionTool(parameters=parameters, strict=strict):
            return Tool(name=name, description=description, parameters=parameters, strict=strict)
        case wire.CustomTool(format=wire.Grammar(definition=definition, syntax=syntax)):
            rule = f"The input must follow this {syntax} grammar:\n{definition}"
            return replace(_CUSTOM, name=name, description=f"{description}\n\n{rule}" if description else rule)
        case wire.CustomTool():
            return replace(_CUSTOM, name=name, description=description)


_CUSTOM: Final = Tool(
    name="",
    parameters={
        "type": "object",
        "properties": {"input": {"type": "string", "description": "The whole input of the tool, as it is."}},
        "required": ["input"],
        "additionalProperties": False,
    },
)


def to_choice(body: wire.ResponsePromptIn) -> ToolChoice | None:
    """Raises `InvalidRequest` for what can't be forced."""
    choice = body.tool_choice
    if choice is None or isinstance(choice, ToolMode):
        return choice
    if choice.type not in ("function", "custom"):
        raise InvalidRequest.at("tool_choice.type", f"{choice.type[:64]} {_FORCED}")
    if choice.name is None:
        raise InvalidRequest.at("tool_choice.name", "is required")
    names = [full_name(tool.name, within.name) for _, tool, within in callable_tools(body) if within is not None]
    in_namespace = [name for name in names if name.endswith(f"__{choice.name}")]
    return NamedTool(name=in_namespace[0] if len(in_namespace) == 1 and not _at_top(body, choice.name) else choice.name)


def _at_top(body: wire.ResponsePromptIn, name: str) -> bool:
    return any(tool.name == name for _, tool, within in callable_tools(body) if within is None)


def custom_arguments(text: str) -> str:
    """The arguments of the function that stands for a custom tool."""
    return _encode(CustomInput(input=text)).decode()


def custom_input(arguments: str) -> str:
    """A custom tool's input; what the model wrote instead where that holds none."""
    try:
        return _custom_input.decode(arguments).input
    except (DecodeError, UnicodeEncodeError):
        return arguments
