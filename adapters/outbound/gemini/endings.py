"""What each of the vendor's reasons to end an answer means here, as data."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from google.genai import types

from llm_gateway.domain.chat import FinishReason
from llm_gateway.domain.errors import FailureReason, ProviderBroken, ProviderError, ProviderMisconfigured

Ending: TypeAlias = FinishReason | type[ProviderError] | None

_V = types.FinishReason
ENDINGS: Final[Mapping[str, Ending]] = {
    _V.FINISH_REASON_UNSPECIFIED: None,  # the default of the vendor's protocol: has not ended
    _V.STOP: FinishReason.STOP,
    "FUNCTION_CALL": FinishReason.STOP,  # users meet it, and the SDK does not know it
    _V.MAX_TOKENS: FinishReason.LENGTH,
    _V.CONTINUATION: FinishReason.LENGTH,  # the vendor's own limit for one request
    _V.SAFETY: FinishReason.CONTENT_FILTER,
    _V.RECITATION: FinishReason.CONTENT_FILTER,
    _V.LANGUAGE: FinishReason.CONTENT_FILTER,
    _V.BLOCKLIST: FinishReason.CONTENT_FILTER,
    _V.PROHIBITED_CONTENT: FinishReason.CONTENT_FILTER,
    _V.SPII: FinishReason.CONTENT_FILTER,
    _V.IMAGE_SAFETY: FinishReason.CONTENT_FILTER,
    _V.IMAGE_PROHIBITED_CONTENT: FinishReason.CONTENT_FILTER,
    _V.IMAGE_RECITATION: FinishReason.CONTENT_FILTER,
    _V.ESCALATION: FinishReason.CONTENT_FILTER,
    _V.MODEL_ARMOR: FinishReason.CONTENT_FILTER,
    _V.MISSING_THOUGHT_SIGNATURE: ProviderMisconfigured,  # this gateway lost it, not the client
    _V.PUP_LIMITED_DISABLED: ProviderMisconfigured,  # the operator's account is limited
    _V.MALFORMED_FUNCTION_CALL: ProviderBroken,
    _V.UNEXPECTED_TOOL_CALL: ProviderBroken,
    _V.TOO_MANY_TOOL_CALLS: ProviderBroken,
    _V.MALFORMED_RESPONSE: ProviderBroken,
    _V.IMAGE_OTHER: ProviderBroken,
    _V.NO_IMAGE: ProviderBroken,
    _V.OTHER: ProviderBroken,
}
"""What each of the vendor's finish reasons means here: an ending, a failure, or None for not ended."""

WORTH_REPEATING: Final = frozenset({_V.MALFORMED_RESPONSE, _V.OTHER})
"""Of the endings that are failures: another answer to the same request may be sound."""

CLASSES: Final[Mapping[str, FailureReason]] = {
    _V.MISSING_THOUGHT_SIGNATURE: FailureReason.ADDED_FIELD,
    _V.PUP_LIMITED_DISABLED: FailureReason.CREDENTIALS,
}
"""Of the failures that are not the model's: whose they are."""

_B = types.BlockedReason
BLOCKS: Final[Mapping[str, Ending]] = {
    _B.BLOCKED_REASON_UNSPECIFIED: None,
    _B.SAFETY: FinishReason.CONTENT_FILTER,
    _B.OTHER: FinishReason.CONTENT_FILTER,
    _B.BLOCKLIST: FinishReason.CONTENT_FILTER,
    _B.PROHIBITED_CONTENT: FinishReason.CONTENT_FILTER,
    _B.IMAGE_SAFETY: FinishReason.CONTENT_FILTER,
    _B.MODEL_ARMOR: FinishReason.CONTENT_FILTER,
    _B.JAILBREAK: FinishReason.CONTENT_FILTER,
}
"""The same of the reasons why a prompt was blocked, which ends an answer without a candidate."""
