"""However much clients invent, the series stay as many as the server's own words allow."""

import json
from typing import Any

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.bootstrap.opening import open_gateway
from llm_gateway.bootstrap.serving import create_server
from llm_gateway.bootstrap.settings import Secret, Settings

from ..served import KEY, chat, endpoint, stopped_clock

INVENTED = 10_000


def scope(path: str, headers: dict[str, str], method: str = "POST") -> dict[str, Any]:
    sent = {"host": "127.0.0.1", "content-type": "application/json", "x-api-key": KEY} | headers
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


def invented(number: int) -> tuple[dict[str, Any], bytes]:
    """A request whose model, hint, path, key, method or id nobody has heard of before."""
    name = f"invented-{number}"
    body = json.dumps(chat("x")).encode()
    match number % 6:
        case 0:
            return scope("/api/v1/chat", {}), json.dumps(chat("x", model=name)).encode()
        case 1:
            return scope("/api/v1/chat", {}), json.dumps(chat("x", model_hint=name)).encode()
        case 2:
            return scope(f"/{name}", {}), body
        case 3:
            return scope("/api/v1/chat", {"x-api-key": name}), body
        case 4:
            return scope(f"/api/v1/requests/{name}", {"x-request-id": name}, "GET"), b""
        case _:
            return scope("/health", {"x-gateway-hint": name}, name.upper()), b""


async def test_nothing_that_clients_invent_grows_the_number_of_series() -> None:
    async with open_gateway(
        Settings(api_keys=(Secret(KEY),), rate_limiter_capacity=1_000_000, allowed_hosts=("*",)),
        chat_models={"ollama": ScriptedChatModel(stopped_clock())},
        endpoints=FixedEndpoints([endpoint("ollama")]),
    ) as gateway:
        app: Any = create_server(gateway).config.app

        async def send(message: object) -> None:
            """Nobody reads the answer."""

        async def ask(numbers: range) -> int:
            for number in numbers:
                asked, body = invented(number)

                async def receive(body: bytes = body) -> dict[str, object]:
                    return {"type": "http.request", "body": body, "more_body": False}

                await app(asked, receive, send)
            assert gateway.render_metrics is not None
            lines = (await gateway.render_metrics()).splitlines()
            return sum(b"event_loop_lag" not in line for line in lines)  # which is there after half a second

        before = await ask(range(60))
        assert await ask(range(60, INVENTED)) == before
