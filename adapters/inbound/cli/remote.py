"""A chat with a running gateway, over its native streaming API."""

import http.client
import json
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from llm_gateway.domain.clients import DEMO_KEY

from .display import Display
from .services import CommandFailed

TIMEOUT_SECONDS = 330
"""Between two parts of the answer; the gateway's own comments come every ten seconds."""


def chat_with_server(server: str, key: str | None, turns: Sequence[str], *, hint: str | None, model: str | None) -> str:
    """Streams the answer to standard output, and gives it. Raises `CommandFailed`.

    `turns` are the texts of a user and an assistant, one after the other, from the user's first to the newest.
    """
    if not server.startswith(("http://", "https://")):
        raise CommandFailed([f"--server: must be an address such as http://127.0.0.1:8000, not {server}"])
    messages = [
        {"role": role, "content": text} for role, text in zip(cycle(("user", "assistant")), turns, strict=False)
    ]
    body = {"messages": messages, "stream": True}
    body |= {name: value for name, value in (("model_hint", hint), ("model", model)) if value is not None}
    request = Request(
        f"{server.rstrip('/')}/api/v1/chat",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-API-Key": key or DEMO_KEY},
    )
    try:
        with Display() as display, _open(request, TIMEOUT_SECONDS) as response:
            for event, data in _events(response):
                _show(display, event, data, server)
        return display.shown
    except HTTPError as error:
        raise CommandFailed([_problem(error)]) from None
    except BrokenPipeError:
        raise  # it is of the standard output
    except (URLError, OSError, ValueError, http.client.HTTPException) as error:
        raise CommandFailed([f"{server}: {getattr(error, 'reason', None) or error}"]) from None
    except (KeyError, TypeError):
        raise CommandFailed([f"{server}: not an answer of this gateway"]) from None


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


def _show(display: Display, event: str, data: dict[str, Any], server: str) -> None:
    match event:
        case "delta":
            display.text(data.get("content", ""))
        case "done":
            provider, usage = data["provider"], data["usage"]
            display.end(
                provider,
                data["model"],
                usage["prompt_tokens"],
                usage["completion_tokens"],
                demonstration=_demonstrates(server, provider),
            )
        case "error":
            raise CommandFailed([data["detail"]])


def _demonstrates(server: str, provider: str) -> bool:
    """As the server's readiness says. Where it doesn't say, the answer still stands."""
    try:
        with _told(Request(f"{server.rstrip('/')}/health/ready")) as response:
            endpoints = json.load(response)["endpoints"]
        return any(one["demonstration"] and one["name"].startswith(f"{provider}/") for one in endpoints)
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return False


def _told(request: Request) -> Any:
    """The answer, also that of a gateway that is not ready."""
    try:
        return _open(request, 5)
    except HTTPError as error:
        return error


def _open(request: Request, seconds: float) -> Any:
    """Without a proxy: the prompt goes to the server that was named, and nowhere else."""
    return build_opener(ProxyHandler({})).open(request, timeout=seconds)


def _problem(error: HTTPError) -> str:
    try:
        return f"{error.code}: {json.load(error)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: not an answer of this gateway"
