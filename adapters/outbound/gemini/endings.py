"""What each of the vendor's reasons to end an answer means here, as data."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from llm_gateway.domain.chat import FinishReason
from llm_gateway.domain.errors import FailureReason, ProviderBroken, ProviderError, ProviderMisconfigured

Ending: TypeAlias = FinishReason | type[ProviderError] | None

ENDINGS: Final[Mapping[str, Ending]] = {
    "FINISH_REASON_UNSPECIFIED": None,  # the default of the vendor's protocol: has not ended
    "STOP": FinishReason.STOP,
    "FUNCTION_CALL": FinishReason.STOP,  # users meet it, and the SDK does not know it
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.LENGTH,  # the vendor's own limit for one request
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "LANGUAGE": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
    "ESCALATION": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "MISSING_THOUGHT_SIGNATURE": ProviderMisconfigured,  # this gateway lost it, not the client
    "PUP_LIMITED_DISABLED": ProviderMisconfigured,  # the operator's account is limited
    "MALFORMED_FUNCTION_CALL": ProviderBroken,
    "UNEXPECTED_TOOL_CALL": ProviderBroken,
    "TOO_MANY_TOOL_CALLS": ProviderBroken,
    "MALFORMED_RESPONSE": ProviderBroken,
    "IMAGE_OTHER": ProviderBroken,
    "NO_IMAGE": ProviderBroken,
    "OTHER": ProviderBroken,
}
"""What each of the vendor's finish reasons means here: an ending, a failure, or None for not ended."""

WORTH_REPEATING: Final = frozenset({"MALFORMED_RESPONSE", "OTHER"})
"""Of the endings that are failures: another answer to the same request may be sound."""

CLASSES: Final[Mapping[str, FailureReason]] = {
    "MISSING_THOUGHT_SIGNATURE": FailureReason.ADDED_FIELD,
    "PUP_LIMITED_DISABLED": FailureReason.CREDENTIALS,
}
"""Of the failures that are not the model's: whose they are."""

BLOCKS: Final[Mapping[str, Ending]] = {
    "BLOCKED_REASON_UNSPECIFIED": None,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "OTHER": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "JAILBREAK": FinishReason.CONTENT_FILTER,
}
"""The same of the reasons why a prompt was blocked, which ends an answer without a candidate."""
