"""What `check` warns of: data about models that has grown old, and configured models that end."""

from datetime import UTC, date, datetime

import pytest

from llm_gateway.adapters.outbound.gemini.models import FILE
from llm_gateway.application.model_facts import FRESH_FOR
from llm_gateway.bootstrap.kinds import model_warnings
from llm_gateway.bootstrap.settings import EndpointSettings, ModelSettings, Secret, Settings

KEY = Secret("AI-canary")


def at(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


CHECKED = at(FILE.checked)
OLD = CHECKED + FRESH_FOR.total_seconds() + 86_400


def told(settings: Settings, now: float = CHECKED) -> list[str]:
    return list(model_warnings(settings, now))


def test_fresh_data_and_a_model_that_stays_are_no_warning() -> None:
    assert told(Settings(gemini_api_key=KEY), OLD - 86_400) == []


def test_data_older_than_ninety_days_is_warned_of() -> None:
    (line,) = told(Settings(gemini_api_key=KEY), OLD)
    assert line == f"what is known of gemini's models was checked on {FILE.checked}, more than 90 days ago"


def test_a_vendor_that_is_not_configured_is_no_warning() -> None:
    assert told(Settings(gemini_model="gemini-2.5-flash"), OLD) == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            "gemini-3.1-flash-lite",
            "is replaced by gemini-3.5-flash-lite, which answers in its place from 2027-05-07 on",
        ),
        ("gemini-3-pro-preview", "is retired by the vendor on 2026-03-09, and replaced by none"),
    ],
)
def test_a_model_that_ends_is_warned_of_by_what_and_when(model: str, words: str) -> None:
    row = EndpointSettings(name="second", kind="gemini", model=model, api_key=KEY)
    assert told(Settings(endpoints=(row,))) == [f"second: {model} {words}"]


def test_what_the_operator_says_of_a_model_counts_first() -> None:
    own = ModelSettings(provider="gemini", names=("gemini-9",), replaced_on=date(2027, 1, 1), replaced_by="gemini-10")
    (line,) = told(Settings(gemini_api_key=KEY, gemini_model="gemini-9", models=(own,)))
    assert "gemini-10" in line
    assert "2027-01-01" in line
