"""Schemas in the subset that Gemini takes: what is said otherwise, what is told, and what is refused."""

import json
import random
from typing import Any

import pytest

from llm_gateway.adapters.outbound.gemini.schema_references import SchemaError
from llm_gateway.adapters.outbound.gemini.schemas import MAX_SCHEMAS, vendor_schema

TAKEN = {
    "$id",
    "$defs",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "enum",
    "items",
    "prefixItems",
} | {
    *("minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required"),
    "propertyOrdering",
}


def exact(schema: dict[str, Any]) -> dict[str, Any]:
    made = vendor_schema(schema)
    assert made.exact
    check(made.schema)
    return made.schema


def lossy(schema: dict[str, Any]) -> dict[str, Any]:
    made = vendor_schema(schema)
    assert not made.exact
    check(made.schema)
    return made.schema


def check(schema: Any) -> None:
    """What the vendor's SDK says of `response_json_schema`, and what its refusals do."""
    assert set(schema) <= TAKEN
    if "$ref" in schema:
        assert all(key.startswith("$") for key in schema)
    assert all(type(value) in (str, int, float) and value != "" for value in schema.get("enum", ()))
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            check(inner)
    for key in ("items", "additionalProperties"):
        if not isinstance(schema.get(key, True), bool):
            check(schema[key])
    for key in ("anyOf", "oneOf", "prefixItems"):
        for inner in schema.get(key, ()):
            check(inner)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


WHOLE = {
    "type": "object",
    "title": "All",
    "description": "All that is taken.",
    "properties": {
        "pattern": {"type": "string", "format": "date-time", "enum": ["a", "b"]},
        "default": {"type": ["integer", "null"], "minimum": 1, "maximum": 9, "enum": [1, 2.5]},
        "list": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 2},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {}]},
        "one": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/Point"}]},
        "map": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    },
    "required": ["pattern"],
    "additionalProperties": False,
    "propertyOrdering": ["pattern"],
    "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
}


def test_what_is_taken_is_sent_as_it_is() -> None:
    assert exact(WHOLE) == WHOLE


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"const": 1, "type": "integer"}, {"type": "integer", "enum": [1]}),
        ({"const": None}, {"anyOf": [{"type": "null"}]}),
        ({"allOf": [{"type": "string"}], "description": "d"}, {"type": "string", "description": "d"}),
        (
            {"type": "object", "allOf": [{"type": "object", "required": ["a"]}]},
            {"type": "object", "anyOf": [{"type": "object", "required": ["a"]}]},
        ),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        ({"type": "string", "enum": ["a", None]}, {"type": "string", "enum": ["a"]}),
        (
            {**of(a={"type": "string"}), "allOf": [{"additionalProperties": False}]},
            {**of(a={"type": "string"}), "anyOf": [{"additionalProperties": False}]},
        ),
        ({"items": [{"type": "string"}]}, {"prefixItems": [{"type": "string"}]}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        (
            {"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 9.5},
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        ({"type": "string", "default": "a"}, {"type": "string", "description": '(default: "a")'}),
        ({"type": ["string", "null"], "default": None}, {"type": ["string", "null"]}),
        ({"type": "string", "examples": ["a"], "deprecated": True, "$comment": "c"}, {"type": "string"}),
    ],
)
def test_what_can_be_said_otherwise_is(schema: dict[str, Any], sent: dict[str, Any]) -> None:
    assert exact(of(a=schema)) == of(a=sent)


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (
            {"type": "string", "description": "A name.", "pattern": "^a", "minLength": 3},
            {"type": "string", "description": 'A name. (pattern: "^a", minLength: 3)'},
        ),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "description": "(exclusiveMinimum: 0)"}),
        ({"type": "string", "pattern": "a" * 1_000}, {"type": "string"}),
        (
            {"allOf": [{"type": "string"}, {"minLength": 1}]},
            {"description": '(allOf: [{"type":"string"},{"minLength":1}])'},
        ),
        ({"enum": ["", "a"]}, {"type": "string", "enum": ["a"], "description": '(enum: ["","a"])'}),
        ({"enum": [""], "type": "string"}, {"type": "string", "description": '(enum: [""])'}),
        ({"const": True, "type": "boolean"}, {"type": "boolean", "description": "(enum: [true])"}),
        ({"x-order": 1, "type": "string"}, {"type": "string", "description": "(x-order: 1)"}),
        ({"not": {"type": "string"}}, {"description": '(not: {"type":"string"})'}),
    ],
)
def test_what_cannot_is_told_in_the_description_and_the_schema_is_not_exact(
    schema: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert lossy(of(a=schema)) == of(a=sent)


NODE = {"type": "object", "properties": {"value": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}}


def test_what_stands_beside_a_reference_goes_around_it() -> None:
    sent = exact({**of(a={"$ref": "#/$defs/P", "description": "d"}), "$defs": {"P": {"type": "string"}}})
    assert sent["properties"] == {"a": {"description": "d", "anyOf": [{"$ref": "#/$defs/P"}]}}


def test_a_reference_of_all_of_one_goes_around_it_too() -> None:
    schema = {**of(a={"allOf": [{"$ref": "#/$defs/P"}], "description": "d"}), "$defs": {"P": {"type": "string"}}}
    assert exact(schema)["properties"] == {"a": {"description": "d", "anyOf": [{"$ref": "#/$defs/P"}]}}


def test_a_root_that_is_a_reference_becomes_what_it_means() -> None:
    sent = exact({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}})
    assert sent == {**NODE, "$defs": {"Node": NODE}}


@pytest.mark.parametrize("pointer", ["#/definitions/P", "#/properties/b", "#/properties/c/items/0"])
def test_a_definition_may_stand_anywhere(pointer: str) -> None:
    schema = {
        **of(a={"$ref": pointer}, b={"type": "string"}, c={"items": [{"type": "string"}]}),
        "definitions": {"P": {"type": "string"}},
    }
    sent = exact(schema)
    (name,) = sent["$defs"]
    assert sent["properties"]["a"] == {"$ref": f"#/$defs/{name}"}
    assert sent["$defs"] == {name: {"type": "string"}}


def test_definitions_of_one_name_are_told_apart() -> None:
    schema = {
        **of(a={"$ref": "#/$defs/P"}, b={"$ref": "#/definitions/P"}, c={"$ref": "#/$defs/P~1Q"}),
        "$defs": {"P": {"type": "string"}, "P/Q": {"type": "null"}, "Unused": {"pattern": "a"}},
        "definitions": {"P": {"type": "number"}},
    }
    sent = exact(schema)
    found = [sent["$defs"][sent["properties"][name]["$ref"].removeprefix("#/$defs/")] for name in "abc"]
    assert found == [{"type": "string"}, {"type": "number"}, {"type": "null"}]
    assert len(sent["$defs"]) == 3


def test_a_recursion_through_properties_that_are_not_required_is_sent() -> None:
    exact({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}})
    exact({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}})
    two = {
        "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}, "required": ["b"]},
        "B": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}},
    }
    exact({**of(a={"$ref": "#/$defs/A"}), "$defs": two})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
        {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["next"],
        },
        {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
            "required": ["children"],
        },
        {**of(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}},
    ],
)
def test_any_other_recursion_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="is recursive otherwise than through properties that are not required"):
        vendor_schema(schema)


@pytest.mark.parametrize(
    "pointer", ["https://example.org/schema", "other.json#/a", "#/$defs/Missing", "#anchor", "#/properties/a/9", ""]
)
def test_a_reference_to_nothing_within_is_refused(pointer: str) -> None:
    with pytest.raises(SchemaError, match="refers to something"):
        vendor_schema(of(a={"$ref": pointer}))


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}])
def test_a_root_that_refers_to_itself_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        vendor_schema(schema)


def test_a_schema_of_a_client_is_never_changed() -> None:
    schema = {**of(a={"const": "a", "pattern": "b"}), "$ref": "#/$defs/Node", "$defs": {"Node": NODE}}
    before = json.dumps(schema)
    vendor_schema(schema)
    assert json.dumps(schema) == before


VALUES: tuple[Any, ...] = (None, True, 0, 1.5, "", "a", [], [1], {}, {"a": 1}, [{"type": "string"}], {"$ref": "#"})
KEYS = (*sorted(TAKEN), "const", "allOf", "not", "pattern", "exclusiveMinimum", "default", "definitions", "x")


def any_schema(chance: random.Random, depth: int = 3) -> dict[str, Any]:
    """Anything under any keyword."""

    def value() -> Any:
        kind = chance.random()
        if depth and kind < 0.4:
            return any_schema(chance, depth - 1)
        return [any_schema(chance, depth - 1)] if depth and kind < 0.5 else chance.choice(VALUES)

    return {key: value() for key in chance.sample(KEYS, chance.randint(0, 5))}


def test_nothing_that_a_client_may_send_does_anything_but_be_taken_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(5_000):
        try:
            made = vendor_schema(any_schema(chance))
        except SchemaError:
            continue
        json.dumps(made.schema)


def test_a_schema_of_many_references_takes_no_longer_than_its_length() -> None:
    """Each definition refers twice to the next: they are as many as they were, not two to the power of that."""
    definitions = {
        f"D{at}": of(**{side: {"$ref": f"#/$defs/D{at + 1}", "description": side} for side in ("left", "right")})
        for at in range(200)
    }
    sent = exact({**of(a={"$ref": "#/$defs/D0"}), "$defs": {**definitions, "D200": {"type": "string"}}})
    assert len(sent["$defs"]) == 201
    assert len(json.dumps(sent)) < 100_000


def test_a_definition_is_sent_once_however_references_spell_it() -> None:
    spelled = ("#/$defs/ab", "#/%24defs/ab", "#/$defs/%61b", "#/$defs/a%62")
    properties = {f"p{number}": {"$ref": pointer} for number, pointer in enumerate(spelled)}
    made = exact({"properties": properties, "$defs": {"ab": {"type": "string"}}})
    assert made["$defs"] == {"ab": {"type": "string"}}
    assert {one["$ref"] for one in made["properties"].values()} == {"#/$defs/ab"}


def test_an_index_longer_than_any_list_is_refused() -> None:
    with pytest.raises(SchemaError):
        vendor_schema(of(a={"$ref": "#/enum/" + "1" * 5000}, enum=["x"]))


def test_the_schemas_of_a_request_share_what_they_may_hold() -> None:
    schema = {"anyOf": [{"type": "string"}] * (MAX_SCHEMAS // 2)}
    left = vendor_schema(schema).left
    with pytest.raises(SchemaError, match=str(MAX_SCHEMAS)):
        vendor_schema(schema, left)
