"""Tools' schemas as Ollama takes them: what it would drop is written out, left out by name, or refused by its path."""

from typing import Any

import pytest

from llm_gateway.adapters.outbound.ollama.tool_schemas import MAX_KEYS, MAX_SCHEMAS, Budget, reduced
from llm_gateway.domain.errors import ProviderRejected

PATH = "tools[0].function.parameters"


def made(schema: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    result = reduced("ollama", schema, PATH)
    return result.schema, tuple(path.removeprefix(f"{PATH}.") for path in result.ignored)


def of_a(schema: object, **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}, **more}


def test_what_the_server_keeps_goes_out_as_it_came() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": ["string", "null"], "description": "An a.", "enum": ["x", None]},
            "b": {"anyOf": [{"type": "array", "items": {"type": "integer", "minimum": 1}}, {"type": "null"}]},
            "c": {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
        },
    }
    assert made(schema) == (schema, ())


def test_a_tool_without_a_schema_has_no_arguments() -> None:
    assert made({}) == ({"type": "object", "properties": {}}, ())


NARROWING = (
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "prefixItems",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "default",
    "examples",
    "nullable",
)


@pytest.mark.parametrize("key", NARROWING)
def test_a_key_that_only_narrows_is_left_out_once_by_name_wherever_it_stands(key: str) -> None:
    deep = {"type": "object", "properties": {"b": {"type": "string", key: 1}}}
    schema = {"type": "object", "properties": {"a": deep | {key: 1}}, key: 1}
    plain = {"type": "object", "properties": {"b": {"type": "string"}}}
    assert made(schema) == ({"type": "object", "properties": {"a": plain}}, (key,))


def test_labels_are_left_out_without_a_word() -> None:
    schema = of_a({"type": "string", "title": "A", "$comment": "c"}, title="T", **{"$schema": "s", "$id": "i"})
    assert made(schema) == (of_a({"type": "string"}), ())


def test_a_property_may_be_named_like_any_key() -> None:
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in ("$ref", "format", "allOf", "enum")}}
    assert made(schema) == (schema, ())


NODE = {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
SAID_OTHERWISE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a reference": (of_a({"$ref": "#/$defs/A"}, **{"$defs": {"A": {"enum": [1]}}}), of_a({"enum": [1]})),
    "an older reference": (of_a({"$ref": "#/definitions/A"}, definitions={"A": {"enum": [1]}}), of_a({"enum": [1]})),
    "a reference with words of its own": (
        of_a({"$ref": "#/$defs/A", "description": "Mine."}, **{"$defs": {"A": {"type": "x", "description": "Its."}}}),
        of_a({"type": "x", "description": "Mine."}),
    ),
    "a chain": (
        of_a({"$ref": "#/$defs/A"}, **{"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"enum": [1]}}}),
        of_a({"enum": [1]}),
    ),
    "the whole": ({"$ref": "#/$defs/A", "$defs": {"A": of_a({"type": "x"})}}, of_a({"type": "x"})),
    "an escaped step and an index": (
        of_a({"$ref": "#/$defs/a~1b~0c/anyOf/1"}, **{"$defs": {"a/b~c": {"anyOf": [{}, {"type": "x"}]}}}),
        of_a({"type": "x"}),
    ),
    "an item": (
        of_a({"items": {"$ref": "#/definitions/A"}}, definitions={"A": {"type": "x", "minimum": 1}}),
        of_a({"items": {"type": "x", "minimum": 1}}),
    ),
    "a tree": (
        of_a({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": NODE}}),
        of_a(NODE, **{"$defs": {"Node": NODE}}),
    ),
    "data like a reference": (
        of_a({"items": {"const": {"$ref": "#/no"}}}),
        of_a({"items": {"const": {"$ref": "#/no"}}}),
    ),
    "oneOf": (of_a({"oneOf": [{"type": "x"}, {"const": 2}]}), of_a({"anyOf": [{"type": "x"}, {"enum": [2]}]})),
    "const": (of_a({"const": "x"}), of_a({"enum": ["x"]})),
    "allOf": (
        {"allOf": [of_a({"type": "x"}, required=["a"]), {"properties": {"b": {}}, "required": ["b"]}]},
        {"type": "object", "properties": {"a": {"type": "x"}, "b": {}}, "required": ["a", "b"]},
    ),
    "anything": (of_a(True), of_a({})),
}


@pytest.mark.parametrize("name", SAID_OTHERWISE)
def test_what_can_be_said_otherwise_is(name: str) -> None:
    schema, otherwise = SAID_OTHERWISE[name]
    assert made(schema) == (otherwise, ())


@pytest.mark.parametrize(("key", "values"), [("pattern", ("^a", "b$")), ("maxLength", (3, 5)), ("format", ("x", "y"))])
def test_two_of_what_only_narrows_are_left_out_by_name(key: str, values: tuple[object, object]) -> None:
    schema = of_a({"type": "string", "allOf": [{key: one} for one in values]})
    assert made(schema) == (of_a({"type": "string"}), (key,))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "recursion": (of_a({"$ref": "#"}), "$ref"),
    "a reference to itself": (of_a({"$ref": "#/$defs/A"}, **{"$defs": {"A": {"$ref": "#/$defs/A"}}}), "$ref"),
    "an older tree": (
        of_a({"$ref": "#/definitions/N"}, definitions={"N": of_a({"items": {"$ref": "#/definitions/N"}})}),
        "$ref",
    ),
    "nowhere": (of_a({"$ref": "#/$defs/A"}), "$ref"),
    "no such item": (of_a({"$ref": "#/required/7"}, required=["a"]), "$ref"),
    "elsewhere": (of_a({"$ref": "https://schemas.example/a"}), "$ref"),
    "a dynamic reference": (of_a({"$dynamicRef": "#a"}), "$dynamicRef"),
    "a choice between arguments": ({"anyOf": [of_a({}), of_a({})]}, "anyOf"),
    "contradictions": (of_a({"allOf": [{"type": "x"}, {"type": "y"}]}), "allOf"),
    "nothing": (of_a(False), "properties"),
    "no schema": (of_a({"allOf": [1]}), "allOf"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_place_and_means_something_is_refused_by_its_path(name: str) -> None:
    schema, key = REFUSED[name]
    with pytest.raises(ProviderRejected) as caught:
        made(schema)
    assert caught.value.path == f"{PATH}.{key}"


def test_a_few_references_never_become_a_flood() -> None:
    twice = {
        f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}}}
        for n in range(40)
    }
    schema = of_a({"$ref": "#/$defs/d0"}, **{"$defs": twice | {"d40": {}}})
    with pytest.raises(ProviderRejected, match=str(MAX_SCHEMAS)):
        made(schema)


def test_a_schema_nested_beyond_reason_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(3_000):
        deep = {"properties": {"a": deep}}
    with pytest.raises(ProviderRejected, match="nested too deep"):
        made(of_a(deep))


def test_a_key_that_is_no_keyword_is_the_clients_content_and_is_named_by_its_schema_alone() -> None:
    schema = of_a({"type": "string", "x-secret of mine\r\n": 1, "minLength": 1}, **{"another": 1})
    result = reduced("ollama", schema, PATH)
    assert result.ignored == (PATH, f"{PATH}.minLength")


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"required": [[1]]}, {"required": ["a"]}]},
        {"allOf": [{"required": 5}, {"required": ["a"]}]},
        {"allOf": [{"properties": 5}, {"properties": {"a": {}}}]},
        {"enum": ["x"], "$ref": "#/properties/a/enum/" + "1" * 5000},
    ],
)
def test_what_is_no_schema_is_refused_where_it_would_be_written_out(schema: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        made(of_a(schema))


@pytest.mark.parametrize(
    "schema",
    [
        of_a({"allOf": [{f"k{number}": 1} for number in range(1000)]}),
        of_a({"$ref": "#/$defs/0"}, **{"$defs": {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(1000)}}),
        of_a({}, items=[{"$ref": "#/$defs/0"}] * 200, **{"$defs": {"0": {"examples of mine": [1] * 1000}}}),
    ],
)
def test_what_is_quick_to_write_and_long_to_go_through_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected, match=str(MAX_KEYS)):
        made(schema)


def test_all_tools_of_a_request_share_what_their_schemas_may_take() -> None:
    budget, schema = Budget(), of_a({"anyOf": [{"type": "string"}] * (MAX_SCHEMAS // 2)})
    reduced("ollama", schema, PATH, budget)
    with pytest.raises(ProviderRejected, match=str(MAX_SCHEMAS)):
        reduced("ollama", schema, PATH, budget)
