"""Failures on their way to the client: as a status before the first event, as one `error` event after it."""

import logging
from datetime import timedelta

import pytest

from llm_gateway.adapters.inbound.http.common.problems import TABLE
from llm_gateway.adapters.outbound.scripted.chat_model import Cut, Script, ScriptedChatModel
from llm_gateway.domain import errors
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.events import Finished, TextDelta

from ..served import Serve, chat, stopped_clock
from ..sse import events_of, text_of

CANARY = "canary-5f2c"
DETAIL = "Internal server error occurred while processing your request"
PROVIDER_ERRORS = [kind for kind in TABLE if issubclass(kind, ProviderError)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", PROVIDER_ERRORS)
async def test_a_failure_before_the_first_event_has_its_status(
    start: Serve, kind: type[ProviderError], stream: bool
) -> None:
    failure = kind("ollama", "it went wrong", retry_after=timedelta(seconds=1.2))
    served = await start(ScriptedChatModel(stopped_clock(), [failure]), provider_max_retries=0)

    response = await served.chat(stream=stream)

    status, code = TABLE[kind]
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["detail"] == "ollama: it went wrong"
    assert response.headers["retry-after"] == "2"
    assert response.headers["content-type"] == "application/problem+json"
    assert "x-gateway-provider" not in response.headers
    assert "ratelimit" in response.headers
    assert served.observer.records[0].error == kind.__name__
    assert served.observer.answers[0][2] == status


@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
@pytest.mark.parametrize(
    ("wait", "own"), [(34, {}), (20, {"X-Gateway-Timeout": "5"}), (1, {"X-Gateway-Timeout": "0.9"})]
)
async def test_a_vendors_wait_that_is_not_waited_for_is_told_at_once(
    start: Serve, path: str, wait: int, own: dict[str, str]
) -> None:
    throttled = errors.ProviderThrottled("ollama", "asks to wait", retry_after=timedelta(seconds=wait))
    model = ScriptedChatModel(stopped_clock(), [throttled])
    served = await start(model)

    response = await served.client.post(path, json=chat(model="ollama"), headers=own)

    assert response.status_code == 503
    assert "provider_throttled" in response.text
    assert response.headers["retry-after"] == str(wait)
    assert len(model.calls) == 1


@pytest.mark.parametrize("kind", PROVIDER_ERRORS)
async def test_a_failure_after_it_is_one_error_event_and_no_done(start: Serve, kind: type[ProviderError]) -> None:
    script: Script = [TextDelta(text="Half"), TextDelta(text=" an"), kind("ollama", "it went wrong")]
    served = await start(ScriptedChatModel(stopped_clock(), script), provider_max_retries=0)

    response = await served.chat(stream=True)

    events = events_of(response.text)
    assert response.status_code == 200
    assert text_of(events) == "Half an"
    assert [event.name for event in events] == ["delta", "delta", "error"]
    problem = events[-1].data
    assert (problem["status"], problem["code"]) == TABLE[kind]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert served.observer.records[0].error == kind.__name__


async def test_an_answer_that_breaks_off_is_never_passed_off_as_whole(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), Cut()])
    served = await start(model, provider_max_retries=0)

    whole = await served.chat()
    stream = await served.chat(stream=True)

    assert (whole.status_code, whole.json()["code"]) == (502, "provider_failed")
    assert [event.name for event in events_of(stream.text)] == ["delta", "error"]
    assert len(model.calls) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unexpected_fault_is_500_and_tells_nothing(
    start: Serve, caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), [ValueError(CANARY)]))

    response = await served.chat(CANARY, stream=stream)

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert response.json()["detail"] == DETAIL
    assert "errors" not in response.json()
    assert CANARY not in response.text
    assert_logged_without_words(caplog, response.headers["x-request-id"])
    assert (await served.client.get("/health")).status_code == 200


async def test_nor_does_it_in_the_middle_of_a_stream(start: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), ValueError(CANARY)]))

    response = await served.chat(CANARY, stream=True)

    events = events_of(response.text)
    assert [event.name for event in events] == ["delta", "error"]
    assert (events[-1].data["code"], events[-1].data["detail"]) == ("internal", DETAIL)
    assert CANARY not in response.text
    assert_logged_without_words(caplog, response.headers["x-request-id"])


def assert_logged_without_words(caplog: pytest.LogCaptureFixture, request_id: str) -> None:
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert request_id in line
    assert "ValueError" in line
    assert "chat_model.py" in line
    assert CANARY not in caplog.text


async def test_text_that_no_client_can_be_sent_is_a_fault_of_ours(start: Serve) -> None:
    """A lone surrogate has no UTF-8; a provider's adapter should never let it through."""
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    script: Script = [TextDelta(text="\ud800"), Finished(reason=FinishReason.STOP, usage=usage, model="m")]
    served = await start(ScriptedChatModel(stopped_clock(), script))

    whole = await served.chat()
    stream = await served.chat("Again", stream=True)

    assert (whole.status_code, stream.status_code) == (500, 500)


async def test_a_failed_first_choice_is_told_where_all_failed(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock(), [errors.ProviderRefused("ollama", "not there")]),
        ScriptedChatModel(stopped_clock(), [errors.ProviderTimeout("gemini", "too slow")]),
        provider_max_retries=0,
    )

    response = await served.chat(model_hint="online")

    assert (response.status_code, response.json()["detail"]) == (504, "gemini: too slow")


async def test_the_next_endpoint_answers_where_the_first_fails(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()),
        ScriptedChatModel(stopped_clock(), [errors.ProviderRefused("gemini", "not there")]),
    )

    for stream in (False, True):
        response = await served.chat(model_hint="online", stream=stream)
        assert response.status_code == 200
        assert response.headers["x-gateway-provider"] == "ollama"
