"""The API's description as OpenAPI 3.1, made from the wire types themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import json

from ..common.descriptions import REF


def openapi_document(version: str, types: Sequence[Any], paths: Mapping[str, Any]) -> dict[str, Any]:
    """`types` are the wire types that the descriptions of `paths` refer to by name."""
    _, schemas = json.schema_components(types, ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "LLM Gateway Core", "version": version, "license": {"name": "Apache-2.0"}},
        "security": [{"api_key": []}, {"bearer": []}],
        "paths": dict(paths),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
