"""What vendors claim of tokens: never more than can be, and never less than what they honestly counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_gateway.domain.chat import (
    MAX_COUNT,
    AssistantMessage,
    ChatRequest,
    FinishReason,
    JsonSchemaFormat,
    Message,
    SystemMessage,
    Text,
    Tool,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.credible_usage import (
    HIDDEN_TOKENS,
    MOST_TOKENS_PER_DOCUMENT,
    MOST_TOKENS_PER_IMAGE,
    TEMPLATE_TOKENS,
    UNSEEN_TOKENS,
    credible,
    credible_embedding,
)
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.estimate import TOKENS_PER_MESSAGE, estimate_prompt
from llm_gateway.domain.events import Finished
from llm_gateway.domain.media import Document, Image, ImageUrl
from llm_gateway.domain.routing import EndpointId

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(lambda text: SystemMessage(content=text), TEXTS),
    st.builds(lambda text: UserMessage(content=text), TEXTS),
    st.builds(lambda text: AssistantMessage(content=text), TEXTS),
    st.just(UserMessage(content=(Text(text="What?"), ImageUrl(url="https://a.example/b.png")))),
    st.just(ToolMessage(content=(Image(data=b"png", mime_type="image/png"), Document(data=b"%PDF")), tool_call_id="1")),
    st.just(UserMessage(content=(Image(data=b"png", mime_type="image/png"), Document(data=b"%PDF")))),
)
TOOLS = st.builds(lambda name: Tool(name=name, parameters={"type": "object"}), st.sampled_from(["find", "get"]))
REQUESTS = st.builds(
    ChatRequest,
    messages=st.lists(MESSAGES, min_size=1, max_size=4).map(tuple),
    max_tokens=st.none() | st.integers(1, 10_000),
    max_tokens_by_default=st.booleans(),
    tools=st.lists(TOOLS, max_size=2).map(tuple),
)
CLAIMS = st.sampled_from([0, 1, -1, 10**6, MAX_COUNT, -MAX_COUNT, 2**63]) | st.integers(-10, 100_000)
USAGES = st.builds(
    Usage,
    prompt_tokens=CLAIMS,
    completion_tokens=CLAIMS,
    reasoning_tokens=st.none() | CLAIMS,
    cached_tokens=st.none() | CLAIMS,
    estimated=st.booleans(),
)
ENDS = st.builds(
    Finished,
    reason=st.sampled_from(FinishReason),
    usage=USAGES,
    model=st.just("m"),
    incomplete=st.booleans(),
    requests=st.integers(1, 33),
)
HI = ChatRequest(messages=(UserMessage(content="Hi"),))


def end(prompt: int, completion: int, reasoning: int | None = None, **fields: object) -> Finished:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, reasoning_tokens=reasoning)
    return replace(Finished(reason=FinishReason.STOP, usage=usage, model="m"), **fields)


@given(ENDS, REQUESTS, st.integers(0, 100_000), st.none() | st.integers(1, 65_536))
def test_whatever_is_claimed_is_within_what_can_be(
    finished: Finished, request: ChatRequest, seen: int, output_limit: int | None
) -> None:
    usage = credible(finished, request, seen, output_limit)
    assert usage.prompt_tokens > 0
    assert 0 <= usage.completion_tokens <= seen + 2 * finished.requests * HIDDEN_TOKENS
    assert usage.completion_tokens or not seen
    if request.max_tokens is not None and not request.max_tokens_by_default:
        assert usage.completion_tokens <= request.max_tokens
    for part, whole in ((usage.reasoning_tokens, usage.completion_tokens), (usage.cached_tokens, usage.prompt_tokens)):
        assert part is None or 0 <= part <= whole
    assert usage == finished.usage or usage.estimated
    again = replace(finished, usage=usage)
    assert credible(again, request, seen, output_limit) == usage, "what is credible stays as it is"


@given(REQUESTS, st.integers(1, 50_000), st.data())
def test_what_a_tokenizer_can_make_of_the_bytes_is_never_cut(
    request: ChatRequest, seen: int, data: st.DataObject
) -> None:
    """A token has a byte at least; what is put around a message are a few, around a request some thousands."""
    limit = None if request.max_tokens_by_default else request.max_tokens
    prompt = data.draw(st.integers(1, estimate_prompt(request) + TEMPLATE_TOKENS // 2))
    completion = data.draw(st.integers(1, min(seen + UNSEEN_TOKENS, limit or seen)))
    finished = end(prompt, completion)
    assert credible(finished, request, seen) is finished.usage


@given(st.integers(0, 65_536), st.integers(0, 20))
def test_thoughts_that_nobody_sees_are_never_cut(thoughts: int, seen: int) -> None:
    """Gemini counts thoughts of which it gives no byte, up to its models' own limit."""
    finished = end(3, max(thoughts + seen, 1), thoughts)
    assert credible(finished, HI, seen, 65_536 + 20) is finished.usage


@pytest.mark.parametrize(
    ("content", "most"),
    [
        ((Text(text="x" * 500),), 500),
        ((ImageUrl(url="https://a.example/b.png"),), MOST_TOKENS_PER_IMAGE),
        ((Image(data=b"x", mime_type="image/png"),) * 2, 2 * MOST_TOKENS_PER_IMAGE),
        ((Document(data=b"%PDF"),), MOST_TOKENS_PER_DOCUMENT),
    ],
)
def test_a_prompt_is_bounded_by_its_bytes_and_what_it_shows(content: tuple[Text, ...], most: int) -> None:
    request = ChatRequest(messages=(UserMessage(content=content),))
    usage = credible(end(MAX_COUNT, 1), request, 10)
    assert most + TEMPLATE_TOKENS <= usage.prompt_tokens <= most + TEMPLATE_TOKENS + TOKENS_PER_MESSAGE + 600
    assert (usage.completion_tokens, usage.estimated) == (1, True)


def test_the_rest_of_an_answer_is_another_prompt() -> None:
    one, three = (credible(end(MAX_COUNT, 1, requests=count), HI, 10).prompt_tokens for count in (1, 3))
    assert three == 3 * one + 2 * (10 + HIDDEN_TOKENS)


def test_schemas_are_written_out_at_their_references() -> None:
    schema = {"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}
    written_out = replace(HI, response_format=JsonSchemaFormat(name="s", schema=schema))
    finished = end(500_000, 1)
    assert credible(finished, written_out, 10) is finished.usage
    assert credible(finished, HI, 10).prompt_tokens < 20_000


@pytest.mark.parametrize(
    ("request_", "finished", "limit", "most"),
    [
        (HI, end(1, MAX_COUNT), None, 5 + UNSEEN_TOKENS),
        (HI, end(1, MAX_COUNT, 7), None, 5 + 7 + UNSEEN_TOKENS),
        (HI, end(1, MAX_COUNT, MAX_COUNT), None, 5 + HIDDEN_TOKENS + UNSEEN_TOKENS),
        (HI, end(1, MAX_COUNT, MAX_COUNT), 1_000, 1_000),
        (HI, end(1, MAX_COUNT, requests=2), 400, 800),
        (HI, end(1, MAX_COUNT, reason=FinishReason.CONTENT_FILTER), None, 5 + HIDDEN_TOKENS),
        (replace(HI, tools=(Tool(name="t"),)), end(1, MAX_COUNT), None, 5 + HIDDEN_TOKENS),
        (replace(HI, max_tokens=3), end(1, MAX_COUNT), None, 3),
        (replace(HI, max_tokens=3), end(1, MAX_COUNT, MAX_COUNT), None, 3),
        (replace(HI, max_tokens=3, max_tokens_by_default=True), end(1, MAX_COUNT), None, 5 + UNSEEN_TOKENS),
    ],
)
def test_an_answer_is_bounded_by_what_was_seen_what_may_hide_and_what_was_asked_for(
    request_: ChatRequest, finished: Finished, limit: int | None, most: int
) -> None:
    usage = credible(finished, request_, 5, limit)
    assert (usage.completion_tokens, usage.estimated) == (most, True)
    assert usage.reasoning_tokens is None or usage.reasoning_tokens <= most


@pytest.mark.parametrize(("prompt", "completion"), [(0, 0), (0, 2), (4, 0), (-4, -4)])
def test_nothing_is_no_count_of_something(prompt: int, completion: int) -> None:
    usage = credible(end(prompt, completion), HI, 8)
    assert usage == Usage(
        prompt_tokens=prompt if prompt > 0 else 5, completion_tokens=completion if completion > 0 else 2, estimated=True
    )


def test_an_answer_of_nothing_took_nothing() -> None:
    finished = end(4, 0)
    assert credible(finished, HI, 0) is finished.usage


@pytest.mark.parametrize("count", [0, 1, 2 + TEMPLATE_TOKENS, 10**6, MAX_COUNT])
def test_an_embedding_s_prompt_is_bounded_too(count: int) -> None:
    reply = EmbedReply(endpoint=EndpointId(provider="p", model="m"), model="m", vectors=((1.0,),), prompt_tokens=count)
    held = credible_embedding(reply, EmbedRequest(inputs=("Hi",)))
    most = 2 + TOKENS_PER_MESSAGE + TEMPLATE_TOKENS
    assert (held.prompt_tokens, held.estimated) == (min(count, most), count > most)
