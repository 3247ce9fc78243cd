"""The keys of JSON Schema: which of them the server's own types keep in a tool, and what the others mean."""

from typing import Final

ROOT: Final = frozenset({"type", "$defs", "items", "required", "properties"})
PROPERTY: Final = frozenset({"anyOf", "type", "items", "description", "enum", "properties", "required"})

LABELS: Final = frozenset({"title", "$schema", "$id", "$anchor", "$comment", "$defs", "definitions"})
"""Not named where they are left out: they say nothing of what a value may be."""
NOTES: Final = LABELS | {"description", "default", "examples"}
"""Where two schemas are made one, the one that refers has its own."""
MEANING: Final = frozenset({"$dynamicRef", "$recursiveRef", "allOf", "anyOf", "enum"})
"""Without one of these another value would be asked for. Any other key only narrows what is asked for."""

DATA: Final = frozenset({"enum", "const", "default", "examples"})
"""Keys of a schema that hold values, and no schemas."""
NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keys of a schema that hold schemas by names."""

KEYWORDS: Final = frozenset(
    {"additionalProperties", "additionalItems", "contains", "contentEncoding", "contentMediaType", "contentSchema"}
    | {"default", "dependencies", "dependentRequired", "dependentSchemas", "deprecated", "description", "discriminator"}
    | {"else", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxContains", "maxItems"}
    | {"maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum"}
    | {"multipleOf", "not", "nullable", "oneOf", "pattern", "patternProperties", "prefixItems", "properties"}
    | {"propertyNames", "propertyOrdering", "readOnly", "required", "strict", "then", "type", "unevaluatedItems"}
    | {"unevaluatedProperties", "uniqueItems", "writeOnly", "const", "example"}
)
"""What may be named where it is left out. Any other key is the client's own content, which no log or header takes."""
