"""The tree of errors: each can be made, says something that a client may read, and stands where it should."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from llm_gateway.domain import errors
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    DirectoryUnavailable,
    Draining,
    Fault,
    Forbidden,
    GatewayError,
    InvalidRequest,
    LimiterUnavailable,
    NoRoute,
    Overloaded,
    ProviderError,
    ProviderRejected,
    QuotaExceeded,
    SlowReader,
    Unauthenticated,
    UnknownModel,
)
from llm_gateway.domain.quota import Decision

MAKERS: dict[type[GatewayError], Callable[[], GatewayError]] = {
    GatewayError: lambda: GatewayError("Something is wrong."),
    InvalidRequest: lambda: InvalidRequest.at("messages[0].content", "must not be empty"),
    UnknownModel: lambda: UnknownModel("No model has this name."),
    Unauthenticated: Unauthenticated,
    Forbidden: lambda: Forbidden("This key may not use the hint fast."),
    QuotaExceeded: lambda: QuotaExceeded(Decision(allowed=False, retry_after_ms=1_500)),
    NoRoute: lambda: NoRoute({"ollama": "not configured"}),
    Draining: Draining,
    Overloaded: Overloaded,
    SlowReader: SlowReader,
    DirectoryUnavailable: lambda: DirectoryUnavailable("Keys can't be looked up."),
    LimiterUnavailable: lambda: LimiterUnavailable("Quotas can't be looked up."),
}


def tree(root: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """The classes of the module, for other modules may have children of their own."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from tree(kind)


def made(kind: type[GatewayError]) -> GatewayError:
    if issubclass(kind, ProviderError):
        return kind("ollama", "did not answer", retry_after=timedelta(seconds=2))
    return MAKERS[kind]()


KINDS = list(tree())


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_can_be_made_and_says_what_it_is(kind: type[GatewayError]) -> None:
    error = made(kind)

    assert type(error) is kind
    assert error.message
    assert str(error) == error.message
    assert "Traceback" not in error.message
    assert error.retry_after is None or error.retry_after > timedelta()


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_drawn_in_the_tree_and_has_a_word_of_its_own(kind: type[GatewayError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


def test_a_provider_error_names_its_provider() -> None:
    error = made(ContextLengthExceeded)

    assert isinstance(error, ProviderRejected)
    assert (error.provider, error.message) == ("ollama", "ollama: did not answer")


def test_the_words_of_the_contract() -> None:
    assert Unauthenticated().message == "Invalid or missing API Key"
    refused = QuotaExceeded(Decision(allowed=False, retry_after_ms=1_500))
    assert refused.message.startswith("Too many requests. Please wait before trying again.")
    assert refused.retry_after == timedelta(seconds=1.5)


def test_an_invalid_request_names_each_fault_once_by_its_path() -> None:
    whole, part = Fault(path="", message="is no JSON"), Fault(path="seed", message="must be a number")

    error = InvalidRequest([whole, part])

    assert error.faults == (whole, part)
    assert error.message == "is no JSON; seed: must be a number"


def test_no_route_says_why_for_each_name_and_also_where_there_is_none() -> None:
    why = {"gemini": "not configured", "ollama/llama3.1": "does not answer"}

    assert NoRoute(why).why == why
    assert all(name in NoRoute(why).message and reason in NoRoute(why).message for name, reason in why.items())
    assert NoRoute({}).message == "No endpoint can take this request."
