"""A model behind the vendors' fakes that does what a request demands: a call of an offered tool, or JSON by schema."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

from jsonschema_rs import validate
from msgspec import Struct

from ...gemini import payloads
from ...ollama import server as ollama
from ...scripted_vendor import Answer, Asked, Script, whole

LOOKS: Final = "get_weather"
PLACES: Final = ("Oslo", "Rome", "Lima")
"""What it looks at, one place a round, as long as it may."""
WET: Final = "is wet"
CODE: Final = "final_answer('dog')"
SPOKEN: Final = f"Thoughts: none.\n<code>\n{CODE}\n</code>"


class Call(Struct, frozen=True):
    name: str
    arguments: Mapping[str, Any]


def wish(tools: Mapping[str, Any], text: str) -> Call | None:
    """The call that it makes next, where it makes one; `text` is all that it was told."""
    looked = text.count(WET)
    if LOOKS in tools and looked < len(PLACES):
        return Call(LOOKS, {"place": PLACES[looked]})
    return next((Call(name, made(schema)) for name, schema in tools.items() if name != LOOKS), None)


def made(schema: Mapping[str, Any]) -> Any:
    """A value that the schema allows."""
    value = _made(schema, schema)
    validate(dict(schema), value)
    return value


def _made(schema: Mapping[str, Any], root: Mapping[str, Any], name: str = "") -> Any:
    match schema:
        case {"$ref": str(path)}:
            found = root
            for step in path.removeprefix("#/").split("/"):
                found = found[step]
            return _made(found, root, name)
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"anyOf": [first, *_]} | {"allOf": [first]}:
            return _made(first, root, name)
        case {"properties": properties}:
            return {key: _made(one, root, key) for key, one in properties.items()}
        case {"type": "array", "items": items}:
            return [_made(items, root)]
    kind = schema.get("type", "string")
    return {"integer": 4, "number": 0.5, "boolean": True, "null": None, "object": {}}.get(
        kind[0] if isinstance(kind, list) else kind, CODE if name == "code" else "dog"
    )


class ObligingOllama:
    """Reads `format` before all, as the vendor's grammar does; of a choice of calls it takes the one that it wishes."""

    def __call__(self, asked: Asked) -> Script:
        body = asked.body
        form = body.get("format")
        text = json.dumps(body["messages"])
        if isinstance(form, Mapping):
            return self.answer(body, json.dumps(self._formed(form, text)))
        offered = {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools", ())}
        call = wish(offered, text)
        if call is None:
            return self.answer(body, SPOKEN)
        return self.answer(body, tool_calls=[{"function": {"name": call.name, "arguments": call.arguments}}])

    @staticmethod
    def _formed(form: Mapping[str, Any], text: str) -> Any:
        tools = {
            one["properties"]["name"]["const"]: {"$ref": one["properties"]["arguments"]["$ref"], "$defs": form["$defs"]}
            for one in form.get("anyOf", ())
            if "name" in one.get("properties", {})
        }
        call = wish(tools, text) if tools else None
        value = made(form) if call is None else {"name": call.name, "arguments": call.arguments}
        validate(dict(form), value)
        return value

    def answer(self, body: Mapping[str, Any], content: str = "", **more: Any) -> Script:
        if body.get("stream", True):
            return ollama.stream(*(ollama.line(part, **more) for part in _halves(content)), ollama.end())
        return whole(ollama.end() | ollama.line(content, **more) | {"done": True, "done_reason": "stop"})


class ObligingGemini:
    """Signs its calls, and answers 400 where one comes back without its own signature. It lists `models`.

    `forgiving`: a call under an id that is none of its own may come back with any, as the vendor takes one for none.
    """

    def __init__(self, *models: str) -> None:
        self._models = models
        self.forgiving = False
        self.signed: dict[str, str] = {}
        self._numbers = count(1)

    def __call__(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            listed = {"supportedGenerationMethods": ["generateContent"], "inputTokenLimit": 1_000_000}
            return whole({"models": [{"name": f"models/{name}"} | listed for name in self._models]})
        body = asked.body
        parts = [part for content in body["contents"] for part in content["parts"]]
        back = [part for part in parts if "functionCall" in part]
        if not all(self._is_as_given(part) for part in back):
            return payloads.refusal(400, status="INVALID_ARGUMENT")
        version = asked.path.rpartition("/")[2].partition(":")[0]
        said = self.said(body, json.dumps(parts, ensure_ascii=False))
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
        if "stream" in asked.path:
            return payloads.stream(
                *(payloads.said(part, modelVersion=version) for part in said),
                payloads.said(finish="STOP", usage=usage, modelVersion=version),
            )
        return whole(payloads.said(*said, finish="STOP", usage=usage, modelVersion=version))

    def _is_as_given(self, part: Mapping[str, Any]) -> bool:
        given = self.signed.get(part["functionCall"].get("id"))
        return part.get("thoughtSignature") == given or (self.forgiving and given is None)

    def said(self, body: Mapping[str, Any], text: str) -> Sequence[Mapping[str, Any]]:
        offered = {
            one["name"]: one.get("parametersJsonSchema") or one.get("parameters") or {}
            for tool in body.get("tools", ())
            for one in tool["functionDeclarations"]
        }
        calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
        allowed = calling.get("allowedFunctionNames", offered)
        call = wish({name: offered[name] for name in allowed}, text) if calling.get("mode") != "NONE" else None
        if call is not None:
            number = next(self._numbers)
            signature = self.signed[f"call-{number}"] = f"c2ln{number:04d}"
            function = {"id": f"call-{number}", "name": call.name, "args": call.arguments}
            return [{"functionCall": function, "thoughtSignature": signature}]
        config = body.get("generationConfig", {})
        form = config.get("responseJsonSchema") or config.get("responseSchema")
        return [{"text": part} for part in _halves(json.dumps(made(form)) if form else SPOKEN)]


def _halves(text: str) -> Sequence[str]:
    return [text[:5], text[5:]] if text else [""]
