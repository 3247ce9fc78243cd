"""The bodies of Gemini's refusals that concern no field: quotas, capacity, keys and places."""

from collections.abc import Mapping
from typing import Any, Final

from ..scripted_vendor import Answer
from .payloads import refusal

_TYPE: Final = "type.googleapis.com/google.rpc."
_DAY: Final = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
_MINUTE: Final = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
_WORDS: Final = "You exceeded your current quota, please check your plan and billing details."
_HELP: Final = {"@type": f"{_TYPE}Help", "links": [{"description": "Learn more", "url": "https://ai.google.dev"}]}


def _quota(*ids: str, delay: str | None = None, words: str = _WORDS, value: str | None = "20") -> Answer:
    violations = [
        {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": one,
            "quotaDimensions": {"location": "global", "model": "gemini-3.8-flash"},
        }
        | ({"quotaValue": value} if value is not None else {})
        for one in ids
    ]
    details: list[Mapping[str, Any]] = [{"@type": f"{_TYPE}QuotaFailure", "violations": violations}, _HELP]
    if delay is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": delay})
    return refusal(429, *details, status="RESOURCE_EXHAUSTED", message=words)


def _told(code: int, status: str, words: str, reason: str | None = None) -> Answer:
    """Where there are details, one word of the vendor's."""
    domain = {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    return refusal(code, *([domain] if reason else ()), status=status, message=words)


QUOTAS: Final[Mapping[str, Answer]] = {
    "minute": _quota(_MINUTE, delay="34.07s", words=f"{_WORDS} Please retry in 34.07s."),
    "day, with a short delay": _quota(_DAY, delay="12s"),
    "day and minute": _quota(_MINUTE, _DAY, delay="900ms"),
    "none in this tier": _quota(_DAY, words=f"{_WORDS} * Quota exceeded, limit: 0, model: gemini-4-neon", value=None),
    "bare": _told(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "credits": _told(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
    "capacity": _told(429, "RESOURCE_EXHAUSTED", "No capacity available.", "MODEL_CAPACITY_EXHAUSTED"),
}
OVERLOADED: Final = _told(503, "UNAVAILABLE", "This model is currently experiencing high demand.")
"""Before an answer; within one it is an ending of the stream."""
REFUSED: Final[Mapping[str, Answer]] = {
    "key": _told(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    "key, without details": _told(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key."),
    "location": _told(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    "billing": _told(400, "FAILED_PRECONDITION", "The free tier is not available in your country. Enable billing."),
    "leaked": _told(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
    "disabled": _told(403, "PERMISSION_DENIED", "The API has not been used.", "SERVICE_DISABLED"),
}
