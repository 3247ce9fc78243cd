"""The API's description, for programs and as a page of HTML: no script, and nothing from elsewhere."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, TypeAlias

from msgspec import json

from ..common.pages import page_reply
from ..common.replies import Reply, json_reply

Schema: TypeAlias = Mapping[str, Any]
_BOUNDS = {
    "minimum": "≥ ",
    "exclusiveMinimum": "> ",
    "maximum": "≤ ",
    "exclusiveMaximum": "< ",
    "minItems": "at least ",
}
_NULL = {"type": "null"}
_ODD = re.compile(r"[^a-z0-9]+")
_QUOTED = re.compile(r"`([^`]+)`")


def description_pages(document: Mapping[str, Any]) -> Mapping[str, Reply]:
    """The document and the page that is made of it, by path."""
    return {
        "/docs": page_reply(docs_page(document), b"text/html; charset=utf-8"),
        "/docs/openapi.json": json_reply(json.encode(document)),
    }


def docs_page(document: Mapping[str, Any]) -> bytes:
    """Of an OpenAPI document whose references all lead to its own schemas."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    operations = [
        (_ODD.sub("-", f"{method}{path}").strip("-"), method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document["components"]["schemas"]
    contents = "".join(f'<li><a href="#{anchor}">{_name(method, path)}</a>' for anchor, method, path, _ in operations)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title>'
        '<link rel="icon" href="assets/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="assets/base.css">'
        '<link rel="stylesheet" href="assets/docs.css"></head><body><header class="top"><p class="brand"><a href="./">'
        '<img src="assets/icon.svg" alt="" width="26" height="26">LLM Gateway</a></p><nav class="links" '
        'aria-label="Page"><a class="quiet" href="./">Console</a><a class="quiet" href="docs/openapi.json">'
        f'openapi.json</a></nav></header><main class="docs"><h1>{title}</h1><p class="lead">Send your key as '
        "<code>X-API-Key</code> or <code>Authorization: Bearer</code>, unless it says that none is needed.</p>"
        f'<nav aria-label="Contents"><ul class="contents">{contents}</ul></nav>'
        f"{''.join(_operation(*each) for each in operations)}"
        f"<h2>Types</h2>{''.join(_type(name, schema) for name, schema in schemas.items())}</main></body></html>"
    ).encode()


def _name(method: str, path: str) -> str:
    return f'<code><span class="method">{method}</span> {escape(path)}</code>'


def _operation(anchor: str, method: str, path: str, operation: Mapping[str, Any]) -> str:
    keyless = "security" in operation and (not operation["security"] or {} in operation["security"])
    remark = ' <span class="tag">no key needed</span>' if keyless else ""
    parameters = [
        (
            f"<code>{escape(one['name'])}</code> <small>{escape(one['in'])}</small>",
            _kind(one["schema"]),
            _prose(one.get("description", "")),
        )
        for one in operation.get("parameters", ())
    ]
    answers = [
        (f"<code>{escape(status)}</code>", _media(answer["content"]), _prose(answer["description"]))
        for status, answer in operation["responses"].items()
    ]
    body = _media(operation["requestBody"]["content"]) if "requestBody" in operation else ""
    return (
        f'<section><h2 id="{anchor}">{_name(method, path)}{remark}</h2><p>{_prose(operation["summary"])}.</p>'
        + (f"<p>Body: {body}</p>" if body else "")
        + _table(("Parameter", "Value", "Meaning"), parameters)
        + _table(("Status", "Body", "Meaning"), answers)
        + "</section>"
    )


def _media(content: Mapping[str, Any]) -> str:
    return "<br>".join(
        f"{_kind(media['schema'])} <small>{escape(kind)}</small>"
        for kind, media in content.items()
        if "schema" in media
    )


def _type(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (f"<code>{escape(field)}</code>", _kind(kind), _remark(kind, field in required))
        for field, kind in sorted(schema.get("properties", {}).items(), key=lambda one: one[0] not in required)
    ]
    raw = escape(json.format(json.encode(schema), indent=2).decode())
    return (
        f'<section><h3 id="{escape(name)}"><code>{escape(name)}</code></h3>'
        f"<p>{_prose(schema.get('description', ''))}</p>"
        + (_table(("Field", "Value", "Note"), rows) or f"<p>{_kind(schema)}</p>")
        + f"<details><summary>As JSON Schema</summary><pre>{raw}</pre></details></section>"
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    if not body:
        return ""
    return f'<div class="wide" tabindex="0"><table><tr>{"".join(f"<th>{cell}" for cell in head)}{body}</table></div>'


def _kind(schema: Schema) -> str:
    """A schema in short."""
    match schema:
        case {"$ref": str(reference)}:
            name = escape(reference.rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": list(kinds)} | {"oneOf": list(kinds)}:
            return " or ".join(dict.fromkeys(_kind(kind) for kind in kinds if kind != _NULL))
        case {"enum": list(values)}:
            return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
        case {"const": value}:
            return f"<code>{escape(str(value))}</code>"
        case {"contentSchema": dict(inner)}:
            return _kind(inner)
        case {"type": "object", "properties": {"event": {"const": name}, "data": dict(data)}}:
            return f"<code>{escape(str(name))}</code> with {_kind(data)}"
        case {"type": "array", "items": dict(items)}:
            return f"list of {_kind(items)}"
        case {"type": kind}:
            bounds = " and ".join(f"{prefix}{schema[bound]}" for bound, prefix in _BOUNDS.items() if bound in schema)
            return f"{escape(str(kind))} {escape(bounds)}".strip()
        case _:
            return "any JSON"


def _remark(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    default = schema.get("default")
    if default is None or isinstance(default, (list, dict)):
        return ""
    return f"default <code>{escape(json.encode(default).decode())}</code>"


def _prose(text: str) -> str:
    return _QUOTED.sub(r"<code>\1</code>", escape(text))
