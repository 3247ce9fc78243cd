"""Which field of a request the vendor's 400 is about, as data: by its structured details, else by known fragments."""

from collections.abc import Iterator, Mapping
from typing import Final

from google.genai.errors import APIError

REASONING_EFFORT: Final = "reasoning_effort"
TEMPERATURE: Final = "temperature"

_PATHS: Final = (
    ("generationconfig.thinkingconfig", REASONING_EFFORT),
    ("generationconfig.temperature", TEMPERATURE),
)
"""Of `BadRequest.fieldViolations[].field`, which the vendor spells in either of its two ways, and our field."""
_WORDS: Final = (
    (("thinking level", "is not supported"), REASONING_EFFORT),
    (("only one of thinking budget and thinking level",), REASONING_EFFORT),
    (("thinking budget", "is invalid"), REASONING_EFFORT),
    (("only works in thinking mode",), REASONING_EFFORT),
    (("thinking is not enabled",), REASONING_EFFORT),
    (("thinking_config is not supported",), REASONING_EFFORT),
    # seen of penalties and candidates so far; of sampling it is announced
    (("temperature is not enabled",), TEMPERATURE),
    (("temperature is not supported",), TEMPERATURE),
)
"""Fragments that stand in a refusal's text together, as most refusals have no details. They choose the class of an
error, and are passed on to no one.
"""


def refused_field(error: APIError) -> str | None:
    """Our name of the field that a 400 is about; None where it is about another, or does not say."""
    violations = tuple(_violations(error))
    if violations:
        paths = [path.replace("_", "").lower() for path in violations]
        return next((field for begin, field in _PATHS for path in paths if path.startswith(begin)), None)
    words = error.message.lower() if isinstance(error.message, str) else ""
    return next((field for fragments, field in _WORDS if all(each in words for each in fragments)), None)


def details_of(error: APIError) -> Iterator[Mapping[str, object]]:
    """The structured details, as far as they are what they should be."""
    match error.details:
        case {"error": {"details": [*details]}} | {"details": [*details]}:
            yield from (detail for detail in details if isinstance(detail, dict))


def _violations(error: APIError) -> Iterator[str]:
    for detail in details_of(error):
        match detail:
            case {"fieldViolations": [*violations]}:
                for violation in violations:
                    match violation:
                        case {"field": str(field)} if field:
                            yield field
