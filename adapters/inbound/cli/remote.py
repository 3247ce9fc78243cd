"""A chat with a running gateway, over its native streaming API."""

import http.client
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from .services import CommandFailed

DEMO_KEY = "sk-gateway-123"
TIMEOUT_SECONDS = 330
"""Between two parts of the answer; the gateway's own comments come every ten seconds."""


def chat_with_server(server: str, key: str | None, prompt: str, *, hint: str | None, model: str | None) -> None:
    """Streams the answer to standard output. Raises `CommandFailed`."""
    body = {"messages": [{"role": "user", "content": prompt}], "stream": True}
    body |= {name: value for name, value in (("model_hint", hint), ("model", model)) if value is not None}
    request = Request(
        f"{server.rstrip('/')}/api/v1/chat",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-API-Key": key or DEMO_KEY},
    )
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_SECONDS) as response:
            for event, data in _events(response):
                _show(event, data)
    except HTTPError as error:
        raise CommandFailed([_problem(error)]) from None
    except (URLError, OSError, ValueError, http.client.HTTPException) as error:
        raise CommandFailed([f"{server}: {getattr(error, 'reason', None) or error}"]) from None


def _events(lines: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream of lines. Raises `CommandFailed` where the last one is missing."""
    name = ""
    for line in lines:
        field, _, value = line.decode().rstrip("\r\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
            if name in ("done", "error"):
                return
    raise CommandFailed(["The answer broke off before its end."])


def _show(event: str, data: dict[str, Any]) -> None:
    match event:
        case "delta":
            print(data.get("content", ""), end="", flush=True)
        case "done":
            usage = data["usage"]
            print()
            print(f"{data['model']}, {usage['prompt_tokens']} + {usage['completion_tokens']} tokens", file=sys.stderr)
        case "error":
            print()
            raise CommandFailed([data["detail"]])


def _problem(error: HTTPError) -> str:
    try:
        return f"{error.code}: {json.load(error)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: not an answer of this gateway"
