"""The table of routes, what Litestar serves, the labels and the OpenAPI document agree."""

from collections.abc import Mapping
from typing import cast

import pytest
from litestar import Litestar, Request
from litestar.routes import HTTPRoute
from litestar.types import Receive, Scope, Send

from llm_gateway.adapters.inbound.http.routes import ServedRoute, api_document, routes
from llm_gateway.adapters.inbound.http.server.middleware import RequestMiddleware

from .served import Served, chat

ROWS = routes()
LABELS = {
    "/api/v1/chat": "/api/v1/chat",
    "/api/v1/health": "/health",
    "/api/v1/metrics": "/metrics",
    "/api/v1/requests/{id}": "/api/v1/requests/{id}",
    "/assets/main.js": "/assets",
    "/v1/models/{id}": "/v1/models/{id}",
}
UNDESCRIBED = ("/", "/docs", "/docs/openapi.json", "/assets/")


def served_methods(served: Served) -> Mapping[str, set[str]]:
    """What Litestar answers at each of its paths, without `OPTIONS`, which it adds to all."""
    app = cast("Litestar", cast("RequestMiddleware", served.server.config.app).app)
    routed = [route for route in app.routes if isinstance(route, HTTPRoute)]
    assert len(routed) == len(app.routes)
    return {route.path_format: {str(method) for method in route.methods} - {"OPTIONS"} for route in routed}


async def test_litestar_serves_the_table_and_nothing_else(served: Served) -> None:
    assert served_methods(served) == {row.described_path: set(row.methods) for row in ROWS}


async def test_the_document_describes_the_table_but_for_pages(served: Served) -> None:
    methods = served_methods(served)
    paths = api_document("1.2.3")["paths"]

    assert paths.keys() == {row.described_path for row in ROWS if not _is_page(row)}
    for path, operations in paths.items():
        described = {method.upper() for method in operations}
        assert described == methods[path] - {"HEAD"}
    assert (await served.client.get("/docs/openapi.json")).json()["paths"] == paths


def _is_page(row: ServedRoute) -> bool:
    return row.path in UNDESCRIBED or row.path.startswith(UNDESCRIBED[-1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
async def test_a_request_is_counted_under_its_row_s_label(served: Served, row: ServedRoute) -> None:
    for method in row.methods:
        await served.client.request(method, row.described_path.replace("{id}", "any"))

    answers = [(method, route) for method, route, _, _ in served.observer.answers]
    assert answers == [(method, row.label) for method in row.methods]


def test_the_labels_of_what_is_served_twice_or_by_a_pattern() -> None:
    labels = {row.described_path: row.label for row in ROWS}

    assert {path: labels[path] for path in LABELS} == LABELS


async def test_what_is_in_no_row_is_unmatched(served: Served) -> None:
    await served.client.get("/nowhere")
    await served.client.get("/api/v1/chat")
    await served.client.options("/api/v1/chat")

    assert {route for _, route, _, _ in served.observer.answers} == {"unmatched"}


@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
async def test_a_direct_row_is_answered_without_a_request_of_litestar_s(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(*_: object, **__: object) -> None:
        raise AssertionError("made a request")

    monkeypatch.setattr(Request, "__init__", make)

    answered = await served.client.post(path, json=chat(model="ollama"))

    assert answered.status_code == 200


async def test_what_is_asked_most_is_direct() -> None:
    assert {row.path for row in ROWS if row.direct} == {
        *("/api/v1/chat", "/v1/chat/completions", "/v1/embeddings"),
        *("/v1/messages", "/v1/messages/count_tokens", "/v1/responses", "/v1/responses/input_tokens"),
    }


async def test_what_is_asked_often_passes_litestar_only_with_its_errors(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    middleware = cast("RequestMiddleware", served.server.config.app)
    assert set(middleware.direct) == {row.path for row in ROWS if row.direct}
    whole, asked = middleware.app, list[str]()

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await whole(scope, receive, send)

    monkeypatch.setattr(middleware, "app", counted)

    assert (await served.chat()).status_code == 200
    assert not asked
    refused = await served.chat(messages=[])
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert (await served.client.get("/api/v1/chat")).status_code == 405
    assert (await served.client.post("/api/v1/chat/", json=chat())).status_code == 200
    assert asked == ["/api/v1/chat", "/api/v1/chat", "/api/v1/chat/"]
