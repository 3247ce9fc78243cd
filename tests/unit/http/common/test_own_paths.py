"""A fault that is found after the translation is told at the path of what the client sent."""

from datetime import timedelta

import pytest

from llm_gateway.adapters.inbound.http.common.own_paths import at_own_paths
from llm_gateway.adapters.inbound.http.common.problems import faults_of
from llm_gateway.domain import errors
from llm_gateway.domain.errors import ContextLengthExceeded, FailureReason, Fault, InvalidRequest, ProviderRejected


def own(path: str) -> str:
    return {"messages[1].content": "input[0]", "max_tokens": "max_output_tokens"}.get(path, path)


def test_each_fault_of_a_request_is_renamed() -> None:
    error = InvalidRequest([Fault(path="max_tokens", message="a"), Fault(path="seed", message="b")])
    assert at_own_paths(error, own).message == "max_output_tokens: a; seed: b"


def test_what_a_provider_refused_is_renamed_and_else_the_same() -> None:
    wait = timedelta(seconds=3)
    error = ProviderRejected(
        "gemini",
        "no",
        path="messages[1].content",
        retry_after=wait,
        doubtful=True,
        status=400,
        reason=FailureReason.REQUEST,
    )
    renamed = at_own_paths(error, own)
    assert renamed.message == "gemini: input[0]: no"
    assert [fault.path for fault in faults_of(renamed)] == ["input[0]"]
    assert vars(renamed) == vars(error) | {"path": "input[0]", "message": renamed.message}


def test_a_context_that_is_too_short_stays_one() -> None:
    error = ContextLengthExceeded("gemini", "no", path="messages[1].content", limit=9, tokens=10, status=400)
    renamed = at_own_paths(error, own)
    assert type(renamed) is ContextLengthExceeded
    assert vars(renamed) == vars(error) | {"path": "input[0]", "message": renamed.message}


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), errors.Unauthenticated(), ProviderRejected("gemini", "no"), ContextLengthExceeded("g", "")],
)
def test_what_names_no_path_is_as_it_is(error: Exception) -> None:
    assert at_own_paths(error, own) is error


def test_where_it_was_raised_is_kept() -> None:
    with pytest.raises(InvalidRequest) as raised:
        raise InvalidRequest.at("max_tokens", "no")
    assert at_own_paths(raised.value, own).__traceback__ is raised.value.__traceback__
