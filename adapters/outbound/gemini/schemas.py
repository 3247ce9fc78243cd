"""JSON Schemas in the subset that the vendor takes, which its SDK describes at `response_json_schema`.

What has no place there is said in the description where it fits, and the schema is then not `exact`.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from .schema_keywords import Json, rewritten, said
from .schema_references import Definitions, SchemaError

_KEPT: Final = frozenset(
    {"$id", "$anchor", "type", "format", "title", "description", "enum", "minItems", "maxItems", "minimum", "maximum"}
    | {"required", "propertyOrdering"}
)
_SCHEMA: Final = frozenset({"items", "additionalProperties"})
_SCHEMAS: Final = frozenset({"anyOf", "oneOf", "prefixItems"})
_NOTHING: Final = frozenset(
    {"$schema", "$comment", "$defs", "definitions", "examples", "deprecated", "readOnly", "writeOnly", "discriminator"}
)
"""What says nothing of a value, or stands elsewhere in what is sent."""
MAX_ROOT_REFERENCES: Final = 16
MAX_SCHEMAS: Final = 10_000
"""In one request: they are made one after the other on the event loop, in some 50 ms."""


class VendorSchema(Struct, frozen=True):
    """`exact`: it says all that the client's schema does. `left`: how many more schemas the request may hold."""

    schema: Json
    exact: bool
    left: int


def vendor_schema(schema: Mapping[str, object], left: int = MAX_SCHEMAS) -> VendorSchema:
    """The vendor's own of a client's schema, which may hold as many as are left. Raises `SchemaError` for none."""
    reduction = _Reduction(schema, left)
    made = reduction.whole()
    return VendorSchema(made, reduction.exact, reduction.left)


class _Reduction:
    def __init__(self, root: Mapping[str, object], left: int) -> None:
        self.exact = True
        self.left = left
        self._root = root
        self._definitions = Definitions(root)

    def whole(self) -> Json:
        made = self._schema(self._own_root())
        definitions: dict[str, object] = {}
        while (wanted := self._definitions.next()) is not None:
            name, schema = wanted
            definitions[name] = self._schema(schema)
        self._definitions.check_recursion()
        return {**made, "$defs": definitions} if definitions else made

    def _own_root(self) -> Json:
        """A root that is a reference becomes what it means: nobody knows how the vendor takes one there."""
        root = dict(self._root)
        for _ in range(MAX_ROOT_REFERENCES):
            pointer = root.pop("$ref", None)
            if not isinstance(pointer, str):
                return root
            target = self._definitions.target(pointer)
            if not isinstance(target, Mapping):
                break
            if target.keys() & (root.keys() - _NOTHING - {"title", "description", "default"}):
                self.exact = False
            root = {**target, **root}
        raise SchemaError("refers to nothing but another reference")

    def _schema(self, schema: object) -> Json:
        if not isinstance(schema, Mapping):
            self.exact = self.exact and schema is True
            return {}
        self.left -= 1
        if self.left < 0:
            raise SchemaError(f"is more than {MAX_SCHEMAS} schemas, all of the request together")
        node, exact = rewritten(schema)
        made: Json = {}
        notes: list[str] = []
        for key, value in node.items():
            if key in _NOTHING:
                continue
            if key == "default":
                notes += said(key, value)
            elif (inner := self._kept(node, key, value)) is not None:
                made[key] = inner
            else:
                exact = False
                notes += said(key, value)
        self.exact = self.exact and exact
        if notes:
            made["description"] = _described(made.get("description"), notes)
        return self._alone(made)

    def _kept(self, node: Json, key: str, value: object) -> object:
        """The keyword's value as it is sent, None for one that has no place."""
        if key in _KEPT:
            return value
        if key == "$ref" and isinstance(value, str):
            return self._definitions.reference(value)
        if key == "additionalProperties" and isinstance(value, bool):
            return value
        if key in _SCHEMA:
            return self._schema(value)
        if key in _SCHEMAS and isinstance(value, list):
            return [self._schema(one) for one in value]
        if key == "properties" and isinstance(value, Mapping):
            return self._properties(node, value)
        return None

    def _properties(self, node: Json, properties: Mapping[str, object]) -> Json:
        required = node.get("required")
        made: Json = {}
        for name, schema in properties.items():
            with self._definitions.within(optional=not (isinstance(required, list) and name in required)):
                made[name] = self._schema(schema)
        return made

    def _alone(self, made: Json) -> Json:
        """Beside a reference the vendor takes nothing: what stands there goes around it, and means the same."""
        if "$ref" not in made or all(key.startswith("$") for key in made):
            return made
        alone = {key: value for key, value in made.items() if key.startswith("$")}
        beside = {key: value for key, value in made.items() if not key.startswith("$")}
        if "anyOf" not in beside:
            return {**beside, "anyOf": [alone]}
        self.exact = False
        return alone


def _described(description: object, notes: list[str]) -> str:
    listed = f"({', '.join(notes)})"
    return f"{description} {listed}" if isinstance(description, str) and description else listed
