"""A question in one line, as the call that it stands for: what `Gateway.ask` and `Gateway.stream` take."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.chat import (
    ChatCall,
    ChatRequest,
    FinishReason,
    Grain,
    Part,
    ReasoningEffort,
    ResponseFormat,
    Sampling,
    SystemMessage,
    UserMessage,
)
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import InvalidRequest, ProviderRejected
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import EndpointId, Hint

HOST = Client(id=ClientId("_host"), namespace="_host", quota=Quota())
"""The embedding program itself. Unlimited; no client of the settings can have its name."""


class AskOptions(TypedDict, total=False):
    """How `Gateway.ask` and `Gateway.stream` ask. All of it is optional.

    `hint` is one of `Hint` or its value, `model` a provider, a model or `provider/model`. `system` are instructions.
    `client` is whose quota is charged and whose stored answers are found: without it the program's own, which has no
    limits. The rest is as in `ChatRequest` and `ChatCall`.
    """

    hint: Hint | str | None
    model: str | None
    system: str | None
    client: Client
    max_tokens: int | None
    sampling: Sampling
    response_format: ResponseFormat | None
    reasoning_effort: ReasoningEffort | None
    cache: CacheDirective
    timeout: timedelta | None


def chat_call(prompt: str | Sequence[Part], grain: Grain, options: AskOptions) -> ChatCall:
    """Raises `TypeError` for a prompt or an option that is none, `InvalidRequest` for an unknown hint."""
    unknown = options.keys() - AskOptions.__optional_keys__
    if unknown:
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
    system = options.get("system")
    instructions = () if system is None else (SystemMessage(content=system),)
    request = ChatRequest(
        messages=(*instructions, UserMessage(content=prompt)),
        max_tokens=options.get("max_tokens"),
        sampling=options.get("sampling", Sampling()),
        response_format=options.get("response_format"),
        reasoning_effort=options.get("reasoning_effort"),
    )
    return ChatCall(
        request=request,
        model=options.get("model"),
        hint=_hint(options.get("hint")),
        grain=grain,
        cache=options.get("cache", CacheDirective()),
        timeout=options.get("timeout"),
    )


def check_whole(endpoint: EndpointId, reason: FinishReason) -> None:
    """A text alone can't show that a part of it was withheld. Raises `ProviderRejected` where it was."""
    if reason is FinishReason.CONTENT_FILTER:
        raise ProviderRejected(endpoint.provider, "its content filter withheld the answer, or a part of it")


def _hint(hint: Hint | str | None) -> Hint | None:
    try:
        return None if hint is None else Hint(hint)
    except ValueError:
        raise InvalidRequest.at("hint", f"must be one of {', '.join(Hint)}") from None
