"""Pages of other origins, which a browser lets ask where the gateway allows it."""

import httpx
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel

from .served import Serve, Served, chat, stopped_clock

PAGE = "https://app.example"
OTHER = "https://app.example.evil.example"
PATHS = ["/api/v1/chat", "/v1/chat/completions", "/v1/embeddings", "/v1/models", "/health", "/nowhere", "/v1/nowhere"]


async def serve(start: Serve, *origins: str) -> Served:
    return await start(ScriptedChatModel(stopped_clock()), cors_origins=origins)


async def preflight(served: Served, path: str, origin: str, headers: str = "x-api-key") -> httpx.Response:
    del served.client.headers["x-api-key"]
    asked = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": headers}
    try:
        return await served.client.options(path, headers=asked)
    finally:
        served.client.headers["x-api-key"] = "test-key-1"


@pytest.mark.parametrize("path", PATHS)
async def test_a_browser_asks_first_and_needs_no_key_for_that(start: Serve, path: str) -> None:
    """What the SDKs send of their own is allowed too."""
    served = await serve(start, PAGE, "http://localhost:5173")
    own = "authorization, content-type, x-api-key, x-stainless-os, x-gateway-hint, cache-control"

    response = await preflight(served, path, PAGE, own)

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["vary"] == "Origin"
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")}
    assert set(own.split(", ")) <= allowed
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [OTHER, "http://app.example", "https://APP.example", "null", "*"])
async def test_other_origins_are_told_nothing(start: Serve, path: str, origin: str) -> None:
    served = await serve(start, PAGE)

    asked = await preflight(served, path, origin)
    answered = await served.client.request("POST" if "v1/" in path else "GET", path, headers={"origin": origin})

    assert asked.status_code == 400
    for response in (asked, answered):
        assert "access-control-allow-origin" not in response.headers


async def test_by_default_none_is_allowed(served: Served) -> None:
    for path in PATHS:
        assert "access-control-allow-origin" not in (await preflight(served, path, PAGE)).headers
        response = await served.client.get(path, headers={"origin": PAGE})
        assert not any(name.startswith("access-control") for name in response.headers)


@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("more", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"x-api-key": "wrong"}, 401),
        ({"temperature": 9}, {}, 400),
        ({"model": "nobody"}, {}, 404),
        ({}, {"content-type": "text/plain"}, 415),
    ],
)
async def test_a_page_may_read_answers_and_errors(
    start: Serve, path: str, stream: bool, more: dict[str, object], headers: dict[str, str], status: int
) -> None:
    served = await serve(start, PAGE)
    body = {"model": "ollama", **chat(), "stream": stream, **more}

    response = await served.client.post(path, json=body, headers={"origin": PAGE, **headers})

    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["vary"] == "Origin"
    exposed = {name.strip().lower() for name in response.headers["access-control-expose-headers"].split(",")}
    readable = {name for name in response.headers if name.startswith(("x-", "ratelimit", "retry-after"))}
    assert readable - {"x-content-type-options", "x-accel-buffering"} <= exposed


async def test_a_page_of_any_origin(start: Serve) -> None:
    served = await serve(start, "*")

    assert (await preflight(served, "/api/v1/chat", OTHER)).headers["access-control-allow-origin"] == "*"
    response = await served.client.post("/api/v1/chat", json=chat(), headers={"origin": OTHER})
    assert response.headers["access-control-allow-origin"] == "*"


async def test_who_is_no_page_is_told_nothing_of_it(start: Serve) -> None:
    served = await serve(start, PAGE)

    response = await served.client.post("/api/v1/chat", json=chat())

    assert not any(name.startswith("access-control") for name in response.headers)
