"""How an answer is kept within a context that the server would let it run out of. Pure."""

from msgspec.structs import replace

from llm_gateway.domain.chat import ChatRequest, FinishReason
from llm_gateway.domain.estimate import ample_prompt
from llm_gateway.domain.events import Finished

from .translate_messages import Body

_TEMPLATE_SHARE = 16
"""Of the context, for what the model's own template adds to a prompt."""
_LEAST_SHARE = 8
"""Of the context, for the answer, however long the prompt seems: the server refuses one that leaves nothing."""


def room(request: ChatRequest, context: int) -> int:
    """The tokens that the prompt probably leaves of the context; the estimate is seldom too low."""
    return max(context - context // _TEMPLATE_SHARE - ample_prompt(request), context // _LEAST_SHARE, 1)


def keep_within(body: Body, request: ChatRequest, context: int) -> None:
    """Bound the answer in the body of a chat, in the place of `shift`.

    The context goes along, so that the answer can't run in another one: a neighbour's call may have loaded the model
    with its own since this one was told.
    """
    body.pop("shift", None)
    options = body["options"]
    assert isinstance(options, dict)
    left = room(request, context)
    options.setdefault("num_ctx", context)
    options["num_predict"] = min(options.get("num_predict", left), left)


def within(finished: Finished, context: int | None) -> Finished:
    """The end of an answer that ran past the context has the reason `length`: the prompt's beginning was dropped for
    the rest of it, for which the server has no word.
    """
    used = finished.usage.prompt_tokens + finished.usage.completion_tokens
    return finished if context is None or used <= context else replace(finished, reason=FinishReason.LENGTH)
