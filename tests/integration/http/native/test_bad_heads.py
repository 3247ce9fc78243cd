"""Keys, Hosts and content types that are wrong."""

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.application.authenticate import MAX_CREDENTIALS
from llm_gateway.bootstrap.settings import Secret

from ..served import KEY, Serve, Served, chat, stopped_clock

OTHER = "other-key-1"
GOOD = [("x-api-key", KEY)]


@pytest.mark.parametrize(
    "headers",
    [
        GOOD,
        [("authorization", f"Bearer {KEY}")],
        [("authorization", f"bearer  {KEY}")],
        [*GOOD, *GOOD],
        [*GOOD, ("authorization", f"Bearer {KEY}")],
        [*GOOD, ("x-api-key", "wrong")],
        [("x-api-key", "wrong"), *GOOD],
        [*GOOD, ("x-api-key", "")],
        [*GOOD, ("authorization", "Bearer wrong")],
        [*GOOD, ("authorization", "Bearer")],
        [*GOOD, ("authorization", f"Basic {KEY}")],
        [*GOOD, ("authorization", "Basic cHJveHk6c2VjcmV0"), ("authorization", "Negotiate YII=")],
        [*GOOD, ("authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c")],
        [*GOOD, ("x-api-key", "\xff\xfe"), ("x-api-key", "k" * 10_000)],
        [("authorization", f"Bearer {KEY}"), ("authorization", "Basic cHJveHk6c2VjcmV0")],
        [("authorization", f"Bearer {KEY}"), ("x-api-key", "another-gateway's")],
        [("authorization", "Bearer another-gateway's"), ("authorization", f"Bearer {KEY}")],
        [*GOOD, *(("x-api-key", f"wrong-{number}") for number in range(MAX_CREDENTIALS - 1))],
    ],
)
async def test_one_right_credential_is_enough_however_it_is_sent(
    served: Served, headers: list[tuple[str, str]]
) -> None:
    del served.client.headers["x-api-key"]
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]

    assert (await served.client.post("/api/v1/chat", json=chat(), headers=sent)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-api-key", "")],
        [("x-api-key", "wrong")],
        [("x-api-key", KEY.upper())],
        [("x-api-key", "ключ".encode().decode("latin-1"))],
        [("x-api-key", "\xff\xfe")],
        [("x-api-key", "k" * 1_000_000)],
        [("authorization", f"Bearer {'k' * 1_000_000}")],
        [*GOOD, ("x-api-key", OTHER)],
        [*GOOD, ("authorization", f"Bearer {OTHER}")],
        [*GOOD, ("authorization", "Basic cHJveHk6c2VjcmV0"), ("x-api-key", "wrong"), ("x-api-key", OTHER)],
        [*GOOD, *(("x-api-key", f"wrong-{number}") for number in range(MAX_CREDENTIALS))],
        [("x-api-key", "wrong"), ("authorization", "Bearer wrong too")],
        [("authorization", f"Basic {KEY}")],
        [("x-api-key", f"{KEY}, {OTHER}")],
        [("authorization", KEY)],
        [("authorization", f"Bearer{KEY}")],
    ],
)
async def test_any_other_is_401(start: Serve, model: ScriptedChatModel, headers: list[tuple[str, str]]) -> None:
    served = await start(model, api_keys=(Secret(KEY), Secret(OTHER)))
    del served.client.headers["x-api-key"]
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]

    response = await served.client.post("/api/v1/chat", json=chat(), headers=sent)

    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"
    assert response.json()["detail"] == "Invalid or missing API Key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert [record.error for record in served.observer.records] == ["Unauthenticated"]
    assert (await served.client.get("/health")).status_code == 200
    assert model.calls == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:8000", "127.0.0.1:80"])
async def test_the_loopback_names_are_served(served: Served, host: str) -> None:
    response = await served.client.get("/health", headers={"host": host})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "localhost.evil.example", "evil.example/localhost", "127.0.0.1.evil"),
        *("localhost:8000@evil", "[::2]", "[::1].evil", "::1", "", "localhost:x", "user@localhost", "localhost,evil"),
    ],
)
@pytest.mark.parametrize("path", ["/health", "/api/v1/chat", "/docs"])
async def test_a_foreign_host_is_refused_everywhere(served: Served, host: str, path: str) -> None:
    method = "POST" if path == "/api/v1/chat" else "GET"

    response = await served.client.request(method, path, headers={"host": host, "x-forwarded-host": "localhost"})

    assert (response.status_code, response.json()["code"]) == (421, "misdirected")


@pytest.mark.parametrize(
    "request_line_and_hosts",
    [
        b"GET /health HTTP/1.1\r\n",
        b"GET /health HTTP/1.0\r\n",
        b"GET /health HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n",
        b"GET /health HTTP/1.1\r\nhost: evil.example\r\nhost: localhost\r\n",
        b"GET http://localhost/health HTTP/1.1\r\nhost: evil.example\r\n",
        b"GET /health HTTP/1.1\r\nhost: evil.example\r\nx-host: localhost\r\nforwarded: host=localhost\r\n",
    ],
)
async def test_no_host_or_two_are_refused_whatever_else_names_one(
    served: Served, request_line_and_hosts: bytes
) -> None:
    wire = await served.connect()
    await wire.send(request_line_and_hosts + b"\r\n")

    assert (await wire.answer())[0] == 421


@pytest.mark.parametrize("host", ["gateway.example", "GATEWAY.example:443"])
async def test_allowed_hosts_are_served_and_no_other(start: Serve, host: str) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), allowed_hosts=("Gateway.example",))

    assert (await served.client.get("/health", headers={"host": host})).status_code == 200
    assert (await served.client.get("/health", headers={"host": "localhost"})).status_code == 421


@pytest.mark.parametrize("host", ["a b", "a/b", "<script>", "ü"])
async def test_a_host_that_is_none_is_400_where_any_is_served(start: Serve, host: str) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), allowed_hosts=("*",))

    response = await served.client.get("/health", headers={b"host": host.encode()})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert (await served.client.get("/health", headers={"host": "evil.example"})).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON ;charset=UTF-8", 200),
        ("", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("text/plain; application/json", 415),
    ],
)
async def test_the_body_has_to_be_json_by_its_own_account(served: Served, content_type: str, status: int) -> None:
    body = served.chat_request().partition(b"\r\n\r\n")[2]
    wire = await served.connect()
    await wire.send(served.request(body=body, content_type=content_type))

    assert (await wire.answer())[0] == status
