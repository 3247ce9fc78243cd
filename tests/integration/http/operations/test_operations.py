"""Health, readiness, metrics, the API's description, and what any path answers to a wrong method."""

import asyncio
import json

import httpx
import pytest

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.bootstrap.opening import open_gateway
from llm_gateway.bootstrap.serving import create_server
from llm_gateway.bootstrap.settings import Secret, Settings
from llm_gateway.domain.routing import EndpointState

from ..served import KEY, Serve, Served, chat, endpoint, halt, stopped_clock


@pytest.fixture
async def keyless(served: Served) -> httpx.AsyncClient:
    del served.client.headers["x-api-key"]
    return served.client


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
async def test_health_needs_no_key(keyless: httpx.AsyncClient, path: str) -> None:
    response = await keyless.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]


async def test_ready_with_an_endpoint(keyless: httpx.AsyncClient) -> None:
    response = await keyless.get("/health/ready")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "endpoints": [
            {
                "name": "ollama/llama3.1",
                "usable": True,
                "locality": "on_premises",
                "demonstration": False,
                "reason": None,
                "answered_by": None,
                "notes": [],
                "version": None,
            }
        ],
        "stores": [],
    }


@pytest.mark.parametrize("states", [[], [endpoint("ollama", unusable="it does not answer")]])
async def test_not_ready_without_one(start: Serve, states: list[EndpointState]) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), endpoints=states)

    response = await served.client.get("/health/ready")

    assert (response.status_code, response.json()["status"]) == (503, "no_endpoint")
    assert [state["reason"] for state in response.json()["endpoints"]] == ["it does not answer"] * len(states)


async def test_ready_with_one_of_two(start: Serve) -> None:
    states = [endpoint("gemini", unusable="it does not answer"), endpoint("ollama")]
    served = await start(ScriptedChatModel(stopped_clock()), endpoints=states)

    assert (await served.client.get("/health/ready")).status_code == 200


async def test_a_server_as_production_makes_it_counts_what_it_answers() -> None:
    model = ScriptedChatModel(stopped_clock())
    async with open_gateway(
        Settings(api_keys=(Secret(KEY),), port=0),
        chat_models={"ollama": model},
        endpoints=FixedEndpoints([endpoint("ollama")]),
    ) as gateway:
        server = create_server(gateway)
        task = asyncio.create_task(server.serve())
        base = f"http://127.0.0.1:{await server.listening()}"
        async with httpx.AsyncClient(base_url=base, transport=httpx.AsyncHTTPTransport(verify=False)) as client:
            for _ in range(2):
                await client.post("/api/v1/chat", json=chat(), headers={"x-api-key": KEY})
            await client.get("/nowhere/at/all")
            response = await client.get("/metrics")
        await halt(server, task)
    lines = response.text.splitlines()
    assert response.headers["content-type"].startswith("text/plain")
    assert "cache_hits_total 1.0" in lines
    assert "cache_misses_total 1.0" in lines
    assert 'provider_calls_total{provider="ollama"} 1.0' in lines
    assert "rate_limit_allowed_total 2.0" in lines
    assert any(line.startswith("http_server_request_duration_seconds_count") for line in lines)
    assert 'http_route="unmatched"' in response.text
    assert "nowhere" not in response.text


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/metrics"])
@pytest.mark.parametrize(
    ("authorization", "status"),
    [(None, 401), ("Bearer wrong", 401), ("Basic m-token-1", 401), ("Bearer", 401), ("Bearer m-token-1", 200)],
)
async def test_a_metrics_token_guards_the_metrics(
    start: Serve, path: str, authorization: str | None, status: int
) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), metrics_token=Secret("m-token-1"))

    response = await served.client.get(path, headers={"authorization": authorization} if authorization else {})

    assert response.status_code == status


async def test_the_documentation_loads_nothing_from_elsewhere(keyless: httpx.AsyncClient) -> None:
    page = await keyless.get("/docs")
    document = await keyless.get("/docs/openapi.json")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not any(word in page.text for word in ("http://", "https://", "<script", 'src="//'))
    assert json.loads(document.content)["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics", "/docs", "/docs/openapi.json"])
async def test_head_is_get_without_a_body(keyless: httpx.AsyncClient, path: str) -> None:
    whole, head = await keyless.get(path), await keyless.head(path)

    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/chat", {"POST", "OPTIONS"}),
        ("PUT", "/api/v1/chat", {"POST", "OPTIONS"}),
        ("DELETE", "/api/v1/explain", {"POST", "OPTIONS"}),
        ("POST", "/health", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/health", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(served: Served, method: str, path: str, allowed: set[str]) -> None:
    refused = await served.client.request(method, path)
    options = await served.client.options(path)

    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert set(refused.headers["allow"].split(", ")) == set(options.headers["allow"].split(", ")) == allowed
    assert options.status_code == 204


@pytest.mark.parametrize(
    "path", ["/assets", "/api/v1/chat/x", "/nowhere", "/%ff%fe", "/%00", "/..%2f..%2fetc/passwd", "/" + "a" * 60_000]
)
async def test_an_unknown_path_is_a_problem_document(served: Served, path: str) -> None:
    response = await served.client.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["content-type"] == "application/problem+json"
