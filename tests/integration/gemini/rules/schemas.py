"""Schemas of functions and of answers, in the field for JSON Schema and in the older one for the vendor's subset."""

from collections.abc import Iterator
from typing import Any, Final

from .call import Call, Objection

KEYWORDS: Final = {
    *("$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "minimum", "maximum"),
    *("items", "prefixItems", "minItems", "maxItems", "anyOf", "oneOf"),
    *("properties", "additionalProperties", "required", "propertyOrdering"),
}


def fields(call: Call) -> Iterator[Objection]:
    """One of the two fields, and an answer in JSON for a schema of it."""
    config = call.config
    for field in ("responseSchema", "responseJsonSchema"):
        if field in config and config.get("responseMimeType") != "application/json":
            yield Objection("G15", f"{field} needs the response mime type application/json", "generation_config")
    if {"responseSchema", "responseJsonSchema"} <= config.keys():
        yield Objection("G15", "Only one of response_schema and response_json_schema", "generation_config")
    for path, declared in call.declarations:
        if {"parameters", "parametersJsonSchema"} <= declared.keys():
            yield Objection("G15", f"{path}: only one of parameters and parameters_json_schema", path)
        old = declared.get("parameters", {})
        if str(old.get("type", "")).upper() == "OBJECT" and not old.get("properties"):
            words = f"* GenerateContentRequest.{path}.parameters.properties: should be non-empty for OBJECT type"
            yield Objection("G15", words, f"{path}.parameters.properties")


def schemas(call: Call) -> Iterator[Objection]:
    for path, root in _roots(call):
        if not isinstance(root, dict):
            yield Objection("G15", f"Invalid value at '{path}'", path)
            continue
        for at, schema in _within(root, path):
            yield from _faults(root, schema, at)
        if _demands_itself(root, root, ()):
            yield Objection("G15", f"{path}: infinite recursion through required properties", path)


def dropped(call: Call) -> Iterator[str]:
    """Keywords that the vendor does not read in its fields for JSON Schema."""
    for path, root in _roots(call):
        if "JsonSchema" in path:
            for at, schema in _within(root, path):
                yield from (f"{at}.{keyword}" for keyword in schema if keyword not in KEYWORDS)


def _roots(call: Call) -> Iterator[tuple[str, Any]]:
    for field in ("responseSchema", "responseJsonSchema"):
        if field in call.config:
            yield f"generationConfig.{field}", call.config[field]
    for path, declared in call.declarations:
        for field in ("parameters", "parametersJsonSchema"):
            if field in declared:
                yield f"{path.replace('function_declarations', 'functionDeclarations')}.{field}", declared[field]


def _within(schema: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema and all in it, each with its path."""
    if not isinstance(schema, dict):
        return
    yield at, schema
    for keyword in ("properties", "$defs"):
        if isinstance(named := schema.get(keyword), dict):
            for name, one in named.items():
                yield from _within(one, f"{at}.{keyword}.{name}")
    for keyword in ("prefixItems", "anyOf", "oneOf"):
        if isinstance(many := schema.get(keyword), list):
            for number, one in enumerate(many):
                yield from _within(one, f"{at}.{keyword}[{number}]")
    for keyword in ("items", "additionalProperties"):
        yield from _within(schema.get(keyword), f"{at}.{keyword}")


def _faults(root: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[Objection]:
    for number, one in enumerate(schema.get("enum", ())):
        if one == "":
            yield Objection("G15", f"* {at}.enum[{number}]: cannot be empty", at)
    if "$ref" in schema:
        if beside := [name for name in schema if not name.startswith("$")]:
            yield Objection("G15", f"{at}: '{beside[0]}' can't stand beside $ref", at)
        if _target(root, schema["$ref"]) is None:
            yield Objection("G15", f"{at}: no such definition: {schema['$ref']}", at)


def _target(root: dict[str, Any], reference: str) -> dict[str, Any] | None:
    if reference == "#":
        return root
    found: dict[str, Any] | None = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
    return found


def _demands_itself(root: dict[str, Any], schema: Any, above: tuple[str, ...]) -> bool:
    """The vendor unrolls a recursion that goes through properties that may be absent, and no other."""
    if not isinstance(schema, dict):
        return False
    if (reference := schema.get("$ref")) is not None:
        found = _target(root, reference)
        return found is not None and (reference in above or _demands_itself(root, found, (*above, reference)))
    required = (one for name, one in schema.get("properties", {}).items() if name in schema.get("required", ()))
    return any(_demands_itself(root, one, above) for one in required)
