"""The published prices against the library that they are made from: names, days, tokens and all."""

import subprocess
import sys
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider
from genai_prices.types import Usage as TheirUsage
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.outbound.prices.vendor_prices import published_prices
from llm_gateway.domain.chat import Usage

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "adapters/outbound/prices"
VENDORS = {vendor.id: vendor for vendor in get_snapshot().providers if vendor.id in published_prices().vendors}
MODELS = [(vendor, model) for vendor in VENDORS.values() for model in vendor.models]
UNTOLD = {"deepseek-chat", "deepseek-flash", "deepseek-reasoner", "deepseek-v4-flash", "deepseek-v4-pro"}
"""Their price depends on the hour."""


def test_the_file_is_what_the_library_says(tmp_path: Path) -> None:
    made = subprocess.run([sys.executable, ROOT / "ops/prices/generate.py", tmp_path], check=True, timeout=60)
    assert made.returncode == 0
    assert (tmp_path / "published.json").read_bytes() == (FOLDER / "published.json").read_bytes(), "`just generate`"


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt, completion = draw(st.integers(0, 1_500_000)), draw(st.integers(0, 100_000))
    cached = draw(st.none() | st.integers(0, prompt))
    return Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)


def theirs(vendor: Provider, model: ModelInfo, usage: Usage, when: datetime) -> int:
    used = TheirUsage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens or None,
    )
    price = model.calc_price(used, vendor, genai_request_timestamp=when, auto_update_timestamp=None)
    return ceil(Fraction(price.total_price) * 1_000_000)


@given(
    st.sampled_from(MODELS),
    st.sampled_from(["", "-001", "-preview-09-2026"]),
    usages(),
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
)
def test_a_call_costs_what_the_library_says(
    one: tuple[Provider, ModelInfo], suffix: str, usage: Usage, when: datetime
) -> None:
    vendor, _ = one
    name = one[1].id + suffix
    price = published_prices().price(vendor.id, name, when.date().isoformat())
    model = next((model for model in vendor.models if model.is_match(name)), None)
    if model is None:
        assert price is None
    elif price is not None:
        assert price.microdollars(usage) == theirs(vendor, model, usage, when)
        assert price.source == published_prices().source


def test_all_that_is_sold_by_tokens_alone_is_there() -> None:
    day = datetime.now(UTC).date().isoformat()
    lacking = {
        model.id for vendor, model in MODELS if published_prices().price(vendor.id, model.id, day) is None
    } - UNTOLD
    assert {name for name in lacking if name.startswith(("gemini-3", "gemini-4", "gpt-5", "gpt-6", "gpt-4"))} <= {
        name for name in lacking if any(part in name for part in ("audio", "live", "realtime", "transcribe", "tts"))
    }
    assert len(lacking) < len(MODELS) / 4


@pytest.mark.parametrize(
    ("address", "vendor"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://generativelanguage.googleapis.com", "google"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://llm.example.com/https://api.openai.com/v1", None),
        ("http://localhost:8000/v1", None),
    ],
)
def test_an_address_tells_whose_prices_hold(address: str, vendor: str | None) -> None:
    assert published_prices().vendor_at(address) == vendor


def test_the_library_itself_is_not_loaded_by_the_gateway() -> None:
    asked = "import sys, llm_gateway.bootstrap.container; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], timeout=60).returncode == 0
