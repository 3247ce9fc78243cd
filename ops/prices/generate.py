"""Makes the gateway's price list from genai-prices: the vendors that a provider's address tells, by tokens alone.

python ops/prices/generate.py adapters/outbound/prices
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseOr,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
)
from msgspec import json

VENDORS = ("google", "openai", "groq", "mistral", "deepseek")
RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "reasoning": "output_reasoning_mtok",
}
NOT_ASKED = ("cache_write", "web_searches", "storage", "audio_", "image_", "video_")
"""What a chat or an embedding by this gateway doesn't use, or what its usage doesn't tell apart from text."""


def clause(match: Any) -> Mapping[str, Any]:
    if isinstance(match, ClauseOr):
        return {"or": [clause(one) for one in match.or_]}
    if isinstance(match, ClauseAnd):
        return {"and": [clause(one) for one in match.and_]}
    (kind,) = (field.name for field in fields(match))
    said = getattr(match, kind)
    return {kind: said if kind == "regex" else said.lower()}


def price(stated: ModelPrice) -> Mapping[str, Any] | None:
    """None where it is not by the token, or by something else as well."""
    rates = {name: getattr(stated, key) for name, key in RATES.items()}
    others = {key for key, value in vars(stated).items() if value is not None} - set(RATES.values())
    if rates["input"] is None or any(not any(part in key for part in NOT_ASKED) for key in others):
        return None
    rates["output"] = rates["output"] or Decimal(0)
    steps = sorted({tier.start for rate in rates.values() if isinstance(rate, TieredPrices) for tier in rate.tiers})
    made = {"rates": at(rates, 0)}
    return made | (
        {"above": [{"prompt_tokens": step, "rates": at(rates, step + 1)} for step in steps]} if steps else {}
    )


def at(rates: Mapping[str, Decimal | TieredPrices | None], tokens: int) -> Mapping[str, int]:
    """Dollars become micro-dollars, which are whole."""
    return {name: whole(of(rate, tokens) * 1_000_000) for name, rate in rates.items() if rate is not None}


def whole(number: Decimal) -> int:
    assert number == int(number), f"{number} is finer than the list can tell"
    return int(number)


def of(rate: Decimal | TieredPrices, tokens: int) -> Decimal:
    if not isinstance(rate, TieredPrices):
        return rate
    return next((tier.price for tier in reversed(rate.tiers) if tokens > tier.start), rate.base)


def dated(model: ModelInfo) -> list[Mapping[str, Any]] | None:
    """None where the price depends on anything but the day."""
    stated = model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]
    rows: list[Mapping[str, Any]] = []
    for one in stated:
        made = price(one.prices)
        if made is None or not isinstance(one.constraint, StartDateConstraint | None):
            return None
        rows.append({"price": made} | ({"since": one.constraint.start_date} if one.constraint and rows else {}))
    return rows


def vendors() -> Iterator[tuple[str, str, Sequence[Mapping[str, Any]]]]:
    """Name, address and models of each."""
    for vendor in get_snapshot().providers:
        if vendor.id in VENDORS:
            models = [{"match": clause(one.match), "prices": dated(one)} for one in vendor.models]
            yield vendor.id, vendor.api_pattern, models


def main(folder: Path) -> None:
    lists = []
    for name, address, models in vendors():
        rows = b",\n".join(map(json.encode, models))
        lists.append(b'%b: {"address": %b, "models": [\n%b\n]}' % (json.encode(name), json.encode(address), rows))
    source = json.encode(f"genai-prices {version('genai-prices')}")
    (folder / "published.json").write_bytes(b'{"source": %b, "vendors": {\n%b\n}}\n' % (source, b",\n".join(lists)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
