"""Which JSON Schemas the embedded model can be held to."""

from typing import Any

import pytest

from llm_gateway.adapters.outbound.embedded.schema import MAX_BYTES, MAX_NODES, Unenforceable, enforceable

NODE: dict[str, Any] = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}


@pytest.mark.parametrize(
    ("schema", "reduced"),
    [
        ({}, {}),
        (True, {}),
        ({"type": "string", "description": "d", "title": "t"}, {"type": "string"}),
        ({"type": "array", "items": {"type": "null"}}, {"type": "array", "items": {"type": "null"}}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"anyOf": [{"type": "number"}, {"const": 1}]}, {"anyOf": [{"type": "number"}, {"const": 1}]}),
        ({"enum": ["a", None, 1.5, True], "type": "string"}, {"enum": ["a", None, 1.5, True]}),
        (
            {"$defs": {"a/b": {"type": "boolean"}}, "type": "array", "items": {"$ref": "#/$defs/a~1b"}},
            {"type": "array", "items": {"type": "boolean"}},
        ),
        (
            {"type": "object", "properties": {"title": {"type": "string"}}, "additionalProperties": False},
            {
                "type": "object",
                "properties": {"title": {"type": "string"}},
                "required": [],
                "additionalProperties": False,
            },
        ),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            {"type": "object", "additionalProperties": {"type": "number"}},
        ),
    ],
)
def test_what_is_enforced_is_kept(schema: object, reduced: object) -> None:
    assert enforceable(schema) == reduced


@pytest.mark.parametrize(
    "schema",
    [
        False,
        "string",
        {"type": "secret"},
        {"type": "string", "pattern": "^secret$"},
        {"type": "string", "format": "email"},
        {"type": "string", "minLength": 3, "maxLength": 1},
        {"type": "array", "minItems": 100_000},
        {"type": "integer", "minimum": 1},
        {"oneOf": [{}]},
        {"allOf": [{}]},
        {"not": {}},
        {"secret": 1},
        {"properties": {}},
        {"anyOf": []},
        {"anyOf": "secret"},
        {"anyOf": [{}], "type": "string"},
        {"enum": []},
        {"enum": [["secret"]]},
        {"const": {"secret": 1}},
        {"type": []},
        {"type": "object", "required": ["secret"]},
        {"type": "object", "properties": ["secret"]},
        {"type": "array", "items": [{}]},
        {"$ref": "#/$defs/secret"},
        {"$ref": "https://secret.example/x.json"},
        {"$ref": 5},
        {"$ref": "#", "$defs": {}},
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
        {"const": "\ud800"},
        {"const": "x" * MAX_BYTES},
        {"enum": ["x"] * MAX_NODES},
    ],
)
def test_what_is_not_enforced_is_refused_without_quoting_it(schema: object) -> None:
    with pytest.raises(Unenforceable) as caught:
        enforceable(schema)
    assert "secret" not in str(caught.value)


def test_references_that_multiply_are_refused() -> None:
    doubling = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(12)}
    with pytest.raises(Unenforceable):
        enforceable({"$ref": "#/$defs/d0", "$defs": {**doubling, "d12": {"type": "string"}}})
