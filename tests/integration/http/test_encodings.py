"""Bodies as clients encode them, on every surface that takes one."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import httpx
import pytest

from llm_gateway.adapters.inbound.http.server.middleware import RequestMiddleware
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel

from .openai.test_embeddings import serve_embeddings
from .served import Serve, Served, chat, stopped_clock

MIB = 1 << 20
BODIES: Mapping[str, dict[str, Any]] = {
    "/api/v1/chat": chat(),
    "/api/v1/explain": chat(),
    "/v1/chat/completions": {"model": "ollama", **chat()},
    "/v1/embeddings": {"model": "ollama/nomic", "input": "Hello"},
}
COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}
every_surface = pytest.mark.parametrize("path", BODIES)


@pytest.fixture
async def served(start: Serve) -> Served:
    embedder = ScriptedEmbeddingModel(stopped_clock())
    return await serve_embeddings(start, embedder, max_body_bytes=MIB, max_bodies_bytes=2 * MIB)


async def ask(served: Served, path: str, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await served.client.post(path, content=body, headers={"content-type": "application/json", **named})


def fault(response: httpx.Response) -> str:
    told = response.json()
    return str(told["error"]["message"] if "error" in told else told["errors"][0]["message"])


@every_surface
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "identity"])
async def test_a_compressed_body_is_read(served: Served, path: str, coding: str) -> None:
    compress = COMPRESS[coding]
    plain = json.dumps(BODIES[path]).encode()

    response = await ask(served, path, compress(b"\xef\xbb\xbf" + plain), content_encoding=coding)

    assert response.status_code == 200, response.text
    assert (await ask(served, path, plain)).status_code == 200


@every_surface
async def test_a_byte_order_mark_is_ignored(served: Served, path: str) -> None:
    plain = json.dumps(BODIES[path]).encode()

    assert (await ask(served, path, b"\xef\xbb\xbf" + plain)).status_code == 200
    assert (await ask(served, path, b"\xef\xbb\xbf\xef\xbb\xbf" + plain)).status_code == 400


@every_surface
@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, br"])
async def test_another_coding_is_415_that_names_those_that_are_taken(served: Served, path: str, coding: str) -> None:
    response = await ask(served, path, b"{}", content_encoding=coding)

    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip, deflate"
    assert "gzip or deflate" in response.text


@every_surface
async def test_a_body_is_bounded_by_what_it_grows_to(served: Served, path: str) -> None:
    padded = json.dumps(BODIES[path]).encode().ljust(MIB)
    for body, status in ((padded, 200), (padded + b" ", 413), (bytes(200 * MIB), 413)):
        assert (await ask(served, path, gzip.compress(body), content_encoding="gzip")).status_code == status
        assert cast("RequestMiddleware", served.server.config.app).bodies.held == 0


@every_surface
async def test_a_name_that_stands_twice_is_named(served: Served, path: str) -> None:
    for name, value in BODIES[path].items():
        body = json.dumps(BODIES[path])[:-1] + f', "{name}": {json.dumps(value)}}}'

        response = await ask(served, path, body.encode())

        assert response.status_code == 400
        assert fault(response).endswith("stands there twice")
        assert f'"{name}"' in response.text


@every_surface
async def test_half_of_a_surrogate_pair_is_named(served: Served, path: str) -> None:
    body = json.dumps(BODIES[path]).replace("Hello", "\\ud800")

    response = await ask(served, path, body.encode())

    assert response.status_code == 400
    assert "surrogate" in fault(response)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(
            ("GET", path)
            for path in ("/", "/docs", "/openapi.json", "/health", "/health/ready", "/metrics", "/v1/models")
        ),
        *(("GET", path) for path in ("/nowhere", "/v1/nowhere", "/api/v1/chat")),
        *(("POST", path) for path in BODIES),
        ("OPTIONS", "/api/v1/chat"),
        ("HEAD", "/health"),
    ],
)
async def test_no_answer_s_type_is_guessed(served: Served, method: str, path: str) -> None:
    for headers in ({}, {"x-api-key": "wrong"}, {"host": "evil.example"}):
        for stream in (False, True):
            body = {**BODIES.get(path, {}), **({"stream": True} if stream and "chat" in path else {})}
            response = await served.client.request(method, path, json=body or None, headers=headers)
            assert response.headers.get_list("x-content-type-options") == ["nosniff"], (path, response.status_code)
