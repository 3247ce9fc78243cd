"""What is read of a body and of the credentials, without a server."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import HTTPScope
from msgspec import json

from llm_gateway.adapters.inbound.http.common.problems import RequestTimeout, TooLarge
from llm_gateway.adapters.inbound.http.common.request_context import RequestContext, begin_context
from llm_gateway.adapters.inbound.http.common.requests import (
    BYTES_A_SECOND,
    MAX_KEY_BYTES,
    Bodies,
    Share,
    api_keys,
    decode,
    read_body,
)
from llm_gateway.adapters.inbound.http.native.wire import ChatBody
from llm_gateway.adapters.inbound.http.routes import NATIVE_ERRORS
from llm_gateway.domain.errors import InvalidRequest

MADE = "made here"
DECODER = json.Decoder(ChatBody)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def context(*headers: tuple[bytes, bytes]) -> RequestContext:
    scope = cast("HTTPScope", {"type": "http", "headers": headers, "state": {}})
    return begin_context(scope, lambda: MADE, NATIVE_ERRORS, Share(Bodies(1 << 40)))


@given(st.binary())
def test_any_bytes_are_a_body_or_an_invalid_request(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode(DECODER, body)


@given(st.dictionaries(st.sampled_from([*ChatBody.__struct_fields__, "other"]), JSON))
def test_any_json_is_a_body_or_an_invalid_request_that_names_a_path(fields: dict[str, object]) -> None:
    try:
        body = decode(DECODER, json.encode(fields))
    except InvalidRequest as error:
        faults = error.faults
    else:
        faults = ()
        assert body.messages
    assert len(faults) <= 1


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_name_of_a_field_can_be_told(name: str) -> None:
    fields = {"messages": [{"role": "user", "content": "Hello", name: 1}]}

    with pytest.raises(InvalidRequest) as caught:
        decode(DECODER, json.encode(fields))

    assert caught.value.faults[0].path.startswith("messages[0]")


@given(st.lists(st.tuples(st.sampled_from([b"x-api-key", b"authorization", b"x-other"]), st.binary(max_size=40))))
def test_any_headers_have_keys_that_differ_and_are_within_bounds(headers: list[tuple[bytes, bytes]]) -> None:
    keys = [key.encode("utf-8", "surrogateescape") for key in api_keys(context(*headers).fields)]

    assert len(set(keys)) == len(keys) <= len(headers)
    assert all(0 < len(key) <= MAX_KEY_BYTES for key in keys)


@given(st.binary(max_size=200))
def test_a_request_s_id_is_sane_or_absent(value: bytes) -> None:
    id = context((b"x-request-id", value)).id

    assert id == MADE or (id.isascii() and id.isprintable() and 0 < len(id) <= 128 and id.encode() == value)


MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"messages": MESSAGES, "model_hint": "canary"}, "model_hint", "must be one of online, fast, local, secure"),
        ({"messages": MESSAGES, "cache": {"mode": "canary"}}, "cache.mode", "must be one of use, refresh, bypass"),
        ({"messages": MESSAGES, "tool_choice": "canary"}, "tool_choice", "must be one of auto, none, required"),
        ({"messages": MESSAGES, "tools": [{"type": "canary"}]}, "tools[0].type", "must be function"),
        (
            {"messages": [{"role": "canary", "content": "Hello"}]},
            "messages[0].role",
            "must be one of system, developer, user, assistant, tool",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "canary"}]}]},
            "messages[0].content[0].type",
            "must be one of text, image, image_url, document",
        ),
    ],
)
def test_a_word_that_is_none_of_a_few_is_answered_with_the_few(body: object, path: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode(DECODER, json.encode(body))

    assert [(fault.path, fault.message) for fault in caught.value.faults] == [(path, message)]


@pytest.mark.parametrize(("first", "read"), [(60 * BYTES_A_SECOND, True), (0, False)])
async def test_a_larger_body_has_longer_to_arrive(first: int, read: bool) -> None:
    """Here none has any time of its own."""
    parts = [bytes(first), b"end"]

    async def receive() -> Any:
        if len(parts) == 1:
            await asyncio.sleep(0.001)
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    asked = context((b"content-type", b"application/json"))
    reading = read_body(asked.fields, receive, asked.body, max_bytes=1 << 40, seconds=0)
    if read:
        assert len(await reading) == first + 3
    else:
        with pytest.raises(RequestTimeout):
            await reading


async def test_a_body_that_is_here_is_read_without_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def receive() -> Any:
        pytest.fail("nothing is waited for")

    def timeout(_: float) -> None:
        pytest.fail("nothing is waited for")

    monkeypatch.setattr(asyncio, "timeout", timeout)
    asked = context((b"content-type", b"application/json"))

    assert await read_body(asked.fields, receive, asked.body, max_bytes=2, seconds=0, sent=lambda: b"{}") == b"{}"
    with pytest.raises(TooLarge):
        await read_body(asked.fields, receive, asked.body, max_bytes=1, seconds=0, sent=lambda: b"{}")


def test_observers_are_given_the_last_value_of_each_field_as_text() -> None:
    texts = context((b"x-a", b"1"), (b"traceparent", b"caf\xe9"), (b"x-a", b"2")).texts

    assert dict(texts) == {"x-a": "2", "traceparent": "caf\xe9"}
    assert (len(texts), "traceparent" in texts, texts.get("tracestate")) == (2, True, None)
