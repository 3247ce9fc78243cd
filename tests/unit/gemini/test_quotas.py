"""When Gemini's quotas of the day begin anew: at midnight in Pacific time, in summer and in winter."""

import zoneinfo
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from llm_gateway.adapters.outbound.gemini.quotas import next_reset


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        ("2026-11-28T07:59:59", "2026-11-28T08:00:00"),
        ("2026-11-28T08:00:00", "2026-11-29T08:00:00"),
        ("2026-07-01T06:59:59", "2026-07-01T07:00:00"),
        ("2026-03-08T08:00:00", "2026-03-09T07:00:00"),  # the clock is put forward
        ("2026-11-01T07:00:00", "2026-11-02T08:00:00"),  # and back
    ],
)
def test_the_reset_is_midnight_in_pacific_time(now: str, reset: str) -> None:
    assert next_reset(at(now)) == at(reset)


def test_without_time_zones_it_is_at_most_an_hour_late(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> NoReturn:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", unknown)
    assert next_reset(at("2026-11-28T07:59:59")) == at("2026-11-28T08:00:00")
    assert next_reset(at("2026-07-01T06:59:59")) == at("2026-07-01T08:00:00")
