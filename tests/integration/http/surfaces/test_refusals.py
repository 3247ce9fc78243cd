"""What every surface refuses, in its own words: keys, quotas, bodies, and what is not there."""

import json
from typing import Any

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import ClientSettings, Secret

from ..served import KEY, Serve, Served, eventually, stopped_clock
from .asking import ask, refused, text_in
from .doors import Door, each_door, each_grain

OTHER = "other-key-1"


@each_door
@each_grain
@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}, {"x-api-key": KEY, "api-key": OTHER}],
    ids=["none", "wrong", "wrong bearer", "two of ours"],
)
async def test_a_key_is_needed(start: Serve, door: Door, stream: bool, headers: dict[str, str]) -> None:
    other = ClientSettings(name="other", keys=(Secret(OTHER),))
    model = ScriptedChatModel(stopped_clock())
    served = await start(model, clients=(other,))
    del served.client.headers["x-api-key"]
    response = await ask(served, door, stream=stream, headers=headers)
    body = refused(door, response, 401)
    assert door.message_of(body) == "Invalid or missing API Key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert model.calls == []
    assert [record.error for record in served.observer.records] == ["Unauthenticated"]


@each_door
@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"x-goog-api-key": KEY},
        {"api-key": KEY},
        {"x-api-key": KEY, "authorization": f"Bearer {KEY}"},
        {"x-goog-api-key": KEY, "authorization": "Bearer another-service-s"},
    ],
    ids=lambda headers: "+".join(headers),
)
async def test_a_key_counts_by_whichever_name_it_comes(served: Served, door: Door, headers: dict[str, str]) -> None:
    del served.client.headers["x-api-key"]
    assert text_in(door, await ask(served, door, headers=headers))


@each_door
@each_grain
async def test_a_spent_quota_says_when_there_is_room(start: Serve, door: Door, stream: bool) -> None:
    clock = ScriptedClock()
    served = await start(ScriptedChatModel(stopped_clock()), rate_limiter_capacity=1, overrides={"clock": clock})
    assert text_in(door, await ask(served, door, stream=stream))
    response = await ask(served, door, stream=stream)
    body = refused(door, response, 429)
    assert door.message_of(body).startswith("Too many requests. Please wait before trying again.")
    assert response.headers["retry-after"] == "1"
    assert response.headers["ratelimit"] == '"requests";r=0;t=1'
    await clock.advance(1)
    assert text_in(door, await ask(served, door, stream=stream))


INVENTED: tuple[Any, ...] = (None, [], {}, "canary", -1, 1e400, True, [{"canary": 1}])
BODIES: dict[str, tuple[Any, int]] = {
    "no JSON": (b"{", 400),
    "no UTF-8": (b'{"model": "\xff"}', 400),
    "an array": (b"[]", 400),
    "nothing": (b"", 400),
    "deep": (b'{"a":' * 100_000, 400),
    "a name twice": (b'{"model": "ollama", "model": "ollama"}', 400),
    "too much": (b"", 413),
}


@each_door
@pytest.mark.parametrize("bad", BODIES)
async def test_a_body_that_can_not_be_read_is_refused_for_nothing(served: Served, door: Door, bad: str) -> None:
    body, status = BODIES[bad]
    headers = {"content-type": "application/json"}
    if status == 413:
        body = b'{"a": "' + b"x" * served.gateway.settings.max_body_bytes + b'"}'
    refused(door, await served.client.post(door.path, content=body, headers=headers), status)
    assert [record.error for record in served.observer.records] == ["TooLarge" if status == 413 else "InvalidRequest"]


@each_door
@each_grain
async def test_an_unknown_field_is_refused_by_its_name(
    served: Served, model: ScriptedChatModel, door: Door, stream: bool
) -> None:
    body = door.body("Hello", "ollama", stream) | {"an_invented_field": 1}
    response = await served.client.post(door.path, json=body)
    assert "an_invented_field" in door.message_of(refused(door, response, 400))
    assert model.calls == []


@each_door
async def test_another_media_type_is_refused(served: Served, door: Door) -> None:
    body = json.dumps(door.body("Hello", "ollama", False))
    response = await served.client.post(door.path, content=body, headers={"content-type": "text/plain"})
    if door.any_type:
        assert text_in(door, response)
    else:
        refused(door, response, 415)


@each_door
@each_grain
async def test_an_unknown_model_is_not_found(served: Served, door: Door, stream: bool) -> None:
    body = refused(door, await ask(served, door, model="gpt-9", stream=stream), 404)
    assert "GET /v1/models lists" in door.message_of(body)
    assert [record.error for record in served.observer.records] == ["UnknownModel"]


@each_door
@each_grain
async def test_a_key_without_the_right_is_forbidden(start: Serve, door: Door, stream: bool) -> None:
    narrow = ClientSettings(name="narrow", keys=(Secret(KEY),), models=("ollama",))
    served = await start(
        ScriptedChatModel(stopped_clock()), ScriptedChatModel(stopped_clock()), api_keys=(), clients=(narrow,)
    )
    refused(door, await ask(served, door, model="gemini", stream=stream), 403)
    assert text_in(door, await ask(served, door, stream=stream))


@each_door
@pytest.mark.parametrize(
    ("name", "value"), [("x-gateway-hint", "canary"), ("x-gateway-timeout", "soon"), ("x-gateway-timeout", "-1")]
)
async def test_a_header_of_ours_that_means_nothing_is_refused(
    served: Served, door: Door, name: str, value: str
) -> None:
    message = door.message_of(refused(door, await ask(served, door, headers={name: value}), 400))
    assert name in message.lower()
    assert "canary" not in message


@each_door
async def test_another_method_is_refused_in_the_same_words(served: Served, door: Door) -> None:
    response = await served.client.get(door.path)
    refused(door, response, 405)
    assert "POST" in response.headers["allow"]


@each_door
async def test_a_host_that_is_not_served_is_told_in_the_same_words(start: Serve, door: Door) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), allowed_hosts=("gateway.example",))
    refused(door, await ask(served, door), 421)
    await eventually(lambda: served.observer.answers)


@each_door
@each_grain
async def test_no_refusal_is_a_server_s_error_or_says_what_was_asked(served: Served, door: Door, stream: bool) -> None:
    body = door.body("Hello", "ollama", stream)
    for name in body:
        for value in INVENTED:
            content = json.dumps(body | {name: value})
            response = await served.client.post(
                door.path, content=content, headers={"content-type": "application/json"}
            )
            assert response.status_code < 500, (name, value, response.text)
            assert value != "canary" or response.status_code == 200 or "canary" not in response.text
