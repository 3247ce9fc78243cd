"""How long a vendor asks to wait, as its headers say it."""

from datetime import timedelta

import pytest

from llm_gateway.application.vendor_failures import LONGEST_RETRY_AFTER, retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", timedelta(seconds=1.5)),
        ("٣", None),
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("999999999", LONGEST_RETRY_AFTER),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("Fri, 15 Jan 2027 08:01:00 GMT", timedelta(minutes=1)),
        ("Fri, 15 Jan 2027 08:01:00 -0000", timedelta(minutes=1)),
        ("Fri, 15 Jan 2027 07:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("Fri, 99 Jan 2027 08:01:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_more_than_a_day(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) == wait
