"""Asks for the rest of an answer that the vendor cut at its own limit for one request."""

import logging
from typing import Final

from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.routing import EndpointId

from .translate_reply import GeminiReplyReader
from .translate_request import VendorRequest

MAX_CONTINUATIONS: Final = 32
"""Of one answer: the longest that Gemini 4 gives, 1,048,576 tokens, in its smallest pieces, 32,768."""

_log = logging.getLogger(__name__)


def rest_of(asked: VendorRequest, reader: GeminiReplyReader) -> VendorRequest | None:
    """The same request with the vendor's token; None where the answer is not cut, or is as long as it may be.

    The vendor takes `maxOutputTokens` for all requests of an answer together, so it stays as it is.
    """
    if reader.continuation is None:
        return None
    if asked.most is not None and reader.usage.total().completion_tokens >= asked.most:
        return None
    return asked._replace(body={**asked.body, "continuationToken": reader.continuation})


def not_continued(to: EndpointId, number: int, error: ProviderError) -> None:
    """The answer so far is sound, and ends as one does at a limit."""
    _log.warning("%s: the rest of an answer, after %d parts, did not come: %s", to.name, number + 1, error.message)
