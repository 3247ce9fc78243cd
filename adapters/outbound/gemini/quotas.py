"""How long Gemini is to be left alone: what it asks for, and the reset of the quotas that it keeps by the day."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from llm_gateway.application.vendor_failures import retry_after, seconds_of
from llm_gateway.application.vendor_signs import Sign
from llm_gateway.domain.errors import FailureReason

from .details import GeminiError, delays_of, quotas_of

OUT_SECONDS: Final = 300.0
"""A longer wait takes the model out: the vendor asks for none like it where a minute's quota is used up."""
MINUTE: Final = timedelta(seconds=60)
UNTOLD: Final = timedelta(seconds=1)
"""The least wait after a 429 that tells nothing."""
_IN_WORDS: Final = re.compile(r"retry in ([0-9]{1,6}(?:\.[0-9]{1,12})?)(ms|s)")


def is_by_the_day(error: GeminiError) -> bool:
    """Whether any quota that is used up is one of the day, whatever wait the vendor asks for beside it."""
    return any("perday" in quota.lower() or "daily" in quota.lower() for quota in quotas_of(error))


def wait_of(error: GeminiError, now: float) -> timedelta | None:
    """The wait that the vendor asks for: of its header, its details, or its words."""
    wait = retry_after(error.retry_after, now)
    told = [delay for text in delays_of(error) if (delay := _delay(text)) is not None]
    if wait is None and not told:
        words = _IN_WORDS.search(error.message.lower())
        told = [delay] if words and (delay := _delay(words[1] + words[2])) is not None else []
    return wait if wait is not None else max(told, default=None)


def least_wait(error: GeminiError, wait: timedelta | None) -> timedelta:
    """After a 429."""
    if wait is not None:
        return wait
    return MINUTE if any("perminute" in quota.lower() for quota in quotas_of(error)) else UNTOLD


def out_until(sign: Sign, wait: timedelta | None, now: float) -> float | None:
    """The Unix time before which nobody is answered; None where it is worth asking sooner."""
    long = wait is not None and wait.total_seconds() > OUT_SECONDS and sign.reason is FailureReason.RATE
    ends = now + wait.total_seconds() if wait is not None and (long or sign.out) else None
    return max(next_reset(now), ends or 0.0) if sign.out else ends


def next_reset(now: float) -> float:
    """The next midnight in Pacific time, when the vendor's quotas of the day begin anew."""
    here = datetime.fromtimestamp(now, _pacific())
    tomorrow = here.date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=here.tzinfo).astimezone(UTC).timestamp()


def _pacific() -> tzinfo:
    """Where the machine knows no time zones, Pacific standard time, which comes to the reset an hour late in summer."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 0.2 MiB, for those whose quota of a day is used up

    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=-8))


def _delay(text: str) -> timedelta | None:
    if text.endswith("ms"):
        milliseconds = seconds_of(text.removesuffix("ms"))
        return None if milliseconds is None else milliseconds / 1000
    return seconds_of(text.removesuffix("s"))
