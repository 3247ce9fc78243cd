"""Answers are kept within the context, where the server would let them run out of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.outbound.ollama.context import keep_within, room, within
from llm_gateway.adapters.outbound.ollama.options import Options
from llm_gateway.adapters.outbound.ollama.translate_request import chat_request, encoded
from llm_gateway.adapters.outbound.ollama.version import ServerVersion
from llm_gateway.domain.chat import ChatRequest, FinishReason, Sampling, Text, Usage, UserMessage
from llm_gateway.domain.estimate import ample_prompt, ample_tokens, estimate_prompt
from llm_gateway.domain.events import Finished
from llm_gateway.domain.routing import EndpointId

TO = EndpointId(provider="ollama", model="llama3.2")


def request_of(text: str, max_tokens: int | None = None) -> ChatRequest:
    return ChatRequest(messages=(UserMessage(content=(Text(text=text),)),), sampling=Sampling(), max_tokens=max_tokens)


def options_of(request: ChatRequest, context: int, num_ctx: int | None = None) -> dict[str, int]:
    body = chat_request(TO, request, Options(num_ctx=num_ctx), stream=True, harmony=False).body
    keep_within(body, request, context)
    said = json.loads(encoded(TO, body))
    assert said["truncate"] is False
    assert "shift" not in said
    options = said["options"]
    assert isinstance(options, dict)
    return options


@given(st.text(max_size=3_000), st.integers(1, 8_192), st.none() | st.integers(1, 100_000))
def test_an_answer_has_at_least_an_eighth_of_the_context_and_at_most_what_it_may(
    text: str, context: int, max_tokens: int | None
) -> None:
    options = options_of(request_of(text, max_tokens), context)
    assert options["num_ctx"] == context
    assert 1 <= options["num_predict"] <= min(max_tokens or context, max(context, 1))
    assert options["num_predict"] >= min(max_tokens or context, max(1, context // 8))


@given(st.text(max_size=3_000), st.integers(1, 8_192))
def test_prompt_and_answer_fit_the_context_by_the_estimate_or_the_answer_has_its_least(text: str, context: int) -> None:
    request = request_of(text)
    left = room(request, context)
    assert ample_prompt(request) + left <= context or left == max(1, context // 8)


def test_a_stated_limit_within_the_room_is_kept_and_the_operators_context_too() -> None:
    options = options_of(request_of("hi", 100), 4_096, num_ctx=16_384)
    assert (options["num_predict"], options["num_ctx"]) == (100, 16_384)


@given(st.text())
def test_a_likely_count_is_at_most_the_bound_and_grows_with_the_text(text: str) -> None:
    assert ample_tokens(text) <= len(text.encode("utf-8", "surrogatepass"))
    assert ample_tokens(text) <= ample_tokens(text + "a")
    assert ample_prompt(request_of(text)) <= estimate_prompt(request_of(text))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The main purpose of the law is to protect consumers. " * 20, 221),
        ("Der Hauptzweck des Gesetzes ist es, die Rechte der Verbraucher zu sch\u00fctzen. " * 20, 581),
        ("\u8be5\u6cd5\u5f8b\u7684\u4e3b\u8981\u76ee\u7684\u662f\u4fdd\u62a4" * 20, 340),
        ("1234567890" * 20, 200),
        ('{"type": "object", "properties": {"city": {"type": "string"}}}' * 20, 400),
    ],
)
def test_a_likely_count_is_not_below_what_a_small_vocabulary_makes_of_a_text(text: str, tokens: int) -> None:
    """Counted with SmolLM2's tokenizer."""
    assert tokens <= ample_tokens(text)


@pytest.mark.parametrize(
    ("prompt", "completion", "context", "reason"),
    [
        (31, 900, 512, FinishReason.LENGTH),
        (31, 481, 512, FinishReason.STOP),
        (31, 900, None, FinishReason.STOP),
    ],
)
def test_an_answer_that_ran_past_the_context_ended_by_length(
    prompt: int, completion: int, context: int | None, reason: FinishReason
) -> None:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion)
    told = within(Finished(reason=FinishReason.STOP, usage=usage, model="m"), context)
    assert told.reason is reason


@pytest.mark.parametrize(
    ("text", "fixes"),
    [
        ("0.12.11", False),
        ("0.29.99", False),
        ("0.30.0", True),
        ("0.30.0-rc1", True),
        ("0.33.0-rc2", True),
        ("v0.33.0", True),
        ("1.0.0", True),
        ("0.0.0", False),
        ("odd", False),
        ("", False),
        (None, False),
    ],
)
def test_only_a_server_that_says_so_fixes_the_shift_at_load(text: str | None, fixes: bool) -> None:
    version = ServerVersion()
    version.text = text
    assert version.fixes_shift is fixes
