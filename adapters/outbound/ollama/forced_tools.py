"""A tool that must be called: the vendor has no such choice, so the answer is held to a call's form, and read. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import MsgspecError, Raw, Struct, json

from llm_gateway.domain.chat import ChatRequest, JsonObject, NamedTool, Tool, ToolMode

from .schema_words import DATA, NAMES

_NO_ARGUMENTS: Final = {"type": "object", "properties": {}}

_object = json.Decoder(dict[str, Raw])


class _Call(Struct, forbid_unknown_fields=True):
    name: str
    arguments: Raw


_call = json.Decoder(_Call)


class ForcedTools(Struct, frozen=True):
    """The tools of which one must be called."""

    tools: tuple[Tool, ...]

    @property
    def form(self) -> JsonObject:
        """For the vendor's `format`: the tool's own schema, or of several any with its name."""
        schemas = [{"type": "object", **(tool.parameters or _NO_ARGUMENTS)} for tool in self.tools]
        if len(schemas) == 1:
            return schemas[0]
        return {
            "$defs": {f"tool{number}": _moved(one, f"#/$defs/tool{number}") for number, one in enumerate(schemas)},
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"name": {"const": tool.name}, "arguments": {"$ref": f"#/$defs/tool{number}"}},
                    "required": ["name", "arguments"],
                }
                for number, tool in enumerate(self.tools)
            ],
        }

    def said(self, text: str) -> tuple[str, str] | None:
        """The name and the arguments of the call that a text is, the arguments as the model wrote them; else None."""
        wrapped = self._wrapped(text)
        if wrapped is None and len(self.tools) == 1:
            return self._checked(self.tools[0].name, text)
        return wrapped

    def called(self, name: str, arguments: str) -> tuple[str, str] | None:
        """The same, of a call that the server read out of the text.

        Its oldest reader takes the first object with a tool's property for the arguments, and so at times what
        stands around them (ollama's tools/tools.go).
        """
        return self._wrapped(arguments) or self._checked(name, arguments)

    def _wrapped(self, text: str) -> tuple[str, str] | None:
        try:
            call = _call.decode(text)
        except (MsgspecError, UnicodeError, RecursionError):
            return None
        return self._checked(call.name, bytes(call.arguments).decode())

    def _checked(self, name: str, arguments: str) -> tuple[str, str] | None:
        tool = next((tool for tool in self.tools if tool.name == name), None)
        try:
            given = _object.decode(arguments)
        except (MsgspecError, UnicodeError, RecursionError):
            return None
        if tool is None or not _conform(given, tool.parameters or _NO_ARGUMENTS):
            return None
        return name, arguments.strip()


def forced_tools(request: ChatRequest) -> ForcedTools | None:
    match request.tool_choice:
        case ToolMode.REQUIRED:
            return ForcedTools(request.tools)
        case NamedTool(name=name):
            return ForcedTools(tuple(tool for tool in request.tools if tool.name == name))
        case _:
            return None


def _conform(given: Mapping[str, Raw], schema: JsonObject) -> bool:
    """By what any schema says outright; the rest is for the vendor's grammar to hold."""
    required, known = schema.get("required"), schema.get("properties")
    if isinstance(required, list | tuple) and not all(isinstance(name, str) and name in given for name in required):
        return False
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    return not closed or (isinstance(known, Mapping) and given.keys() <= known.keys())


def _moved(value: Any, to: str, *, named: bool = False) -> Any:
    """A schema whose references into itself lead to its new place. `named`: its keys are names, not a schema's own."""
    if isinstance(value, list | tuple):
        return [_moved(one, to) for one in value]
    if not isinstance(value, Mapping):
        return value
    made = {}
    for key, one in value.items():
        if key == "$ref" and isinstance(one, str) and one.startswith("#") and not named:
            made[key] = to + one[1:]
        elif key in DATA and not named:
            made[key] = one
        else:
            made[key] = _moved(one, to, named=key in NAMES and not named)
    return made
