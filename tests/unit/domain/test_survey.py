"""What is worked out of a request once, and ahead."""

import pytest
from msgspec import Struct
from msgspec.structs import replace

from llm_gateway.domain import estimate, features, validation
from llm_gateway.domain.cache_key import cache_keys
from llm_gateway.domain.chat import AssistantMessage, ChatRequest, ToolCall, ToolMessage, UserMessage
from llm_gateway.domain.once import once_each
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.domain.survey import survey

ENDPOINT = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)


class Sum(Struct, frozen=True, dict=True):
    of: tuple[int, ...]


def test_what_is_worked_out_is_kept_with_what_it_is_of_and_nothing_else() -> None:
    added: list[Sum] = []

    @once_each
    def total(numbers: Sum) -> int:
        added.append(numbers)
        return sum(numbers.of)

    one = Sum((1, 2))
    assert [total(one), total(one), total(replace(one, of=(5,))), total(replace(one))] == [3, 3, 5, 3]
    assert len(added) == 3


def test_nothing_is_kept_of_a_failure() -> None:
    tried: list[Sum] = []

    @once_each
    def fail(numbers: Sum) -> int:
        tried.append(numbers)
        raise OverflowError

    one = Sum((1,))
    for _ in range(2):
        with pytest.raises(OverflowError):
            fail(one)
    assert tried == [one, one]


def asked_of(request: ChatRequest) -> tuple[object, ...]:
    tokens = estimate.estimate_prompt(request), estimate.likely_prompt_tokens(request)
    return features.fields_used(request), cache_keys("a", [ENDPOINT], request), *tokens


def test_nothing_that_planning_caching_and_quotas_ask_is_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    request = ChatRequest(
        messages=(
            UserMessage(content="How late is it?"),
            AssistantMessage(tool_calls=(ToolCall(id="1", name="now", arguments="{}"),)),
            ToolMessage(content="Five.", tool_call_id="1"),
        )
    )
    other = replace(request)
    expected = asked_of(other)
    survey(request)
    for module, name in ((validation, "_message_faults"), (features, "_in_messages"), (estimate, "_prompt")):
        monkeypatch.delattr(module, name)
    assert validation.request_faults(request) == ()
    assert asked_of(request) == expected


def test_of_what_no_store_can_take_the_faults_are_told() -> None:
    request = ChatRequest(messages=(UserMessage(content="\ud800"),))
    survey(request)
    assert [fault.path for fault in validation.request_faults(request)] == ["messages[0].content"]
