"""Which price counts: the operator's before the published one, today's, and none where nobody has said one."""

from datetime import UTC, datetime

import pytest
from msgspec import Raw, ValidationError, json
from typing_extensions import override

from llm_gateway.adapters.outbound.prices.price_list import DatedPrices, OwnPrice
from llm_gateway.adapters.outbound.prices.vendor_prices import DatedPrice, PricedModel, PublishedPrices, PublishedVendor
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.ports.prices import PriceList
from llm_gateway.domain.prices import Price, Rates
from llm_gateway.domain.routing import EndpointId
from llm_gateway.testing import PriceListContract

DAY = 86_400


def price(rate: int, source: str = "") -> Price:
    return Price(source=source, rates=Rates(input=rate, output=rate))


MODELS = [
    PricedModel(match={"equals": "odd"}, prices=None),
    PricedModel(
        match={"and": [{"starts_with": "m"}, {"or": [{"ends_with": "1"}, {"regex": "^m.2$"}]}]},
        prices=(DatedPrice(price=price(1)), DatedPrice(price=price(2), since="2026-03-03")),
    ),
    PricedModel(match={"contains": "d"}, prices=(DatedPrice(price=price(9)),)),
]
PUBLISHED = PublishedPrices(
    source="list 1",
    vendors={"maker": PublishedVendor(address="https://maker", models=Raw(json.encode(MODELS)))},
)


def test_a_vendors_models_are_read_when_one_of_them_is_priced() -> None:
    unread = PublishedVendor(address="https://other", models=Raw(b"[1]"))
    published = PublishedPrices(source="list 1", vendors={**PUBLISHED.vendors, "other": unread})

    assert published.price("maker", "a1d", "2026-01-01") == price(9, "list 1")
    with pytest.raises(ValidationError):
        published.price("other", "a1d", "2026-01-01")


def listed(clock: ScriptedClock, *own: OwnPrice) -> DatedPrices:
    return DatedPrices(own, {"cloud": "maker"}, PUBLISHED, clock)


def rate(prices: DatedPrices, provider: str, model: str) -> tuple[int, str] | None:
    found = prices.price(EndpointId(provider=provider, model=model))
    return None if found is None else (found.rates.input, found.source)


def test_the_first_row_that_matches_counts_whatever_the_case() -> None:
    prices = listed(ScriptedClock(now=0))
    assert rate(prices, "cloud", "m-1") == rate(prices, "cloud", "M-2") == (1, "list 1")
    assert rate(prices, "cloud", "rod") == (9, "list 1")
    assert rate(prices, "cloud", "odd") is None
    assert rate(prices, "cloud", "new") is None
    assert rate(prices, "local", "m-1") is None


async def test_a_price_holds_from_its_day_on() -> None:
    clock = ScriptedClock(now=datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
    prices = listed(clock)
    days = []
    for _ in range(4):
        days.append(rate(prices, "cloud", "m-1"))
        await clock.advance(DAY)
    assert [one[0] for one in days if one] == [1, 1, 2, 2]


def test_the_operators_own_price_counts_before_it_and_says_so() -> None:
    own = OwnPrice(provider="cloud", names=("m-*",), price=price(0, "[[prices]]"))
    local = OwnPrice(provider="local", names=("a", "b"), price=price(5, "[[prices]]"))
    prices = listed(ScriptedClock(), own, local)
    assert rate(prices, "cloud", "m-1") == (0, "[[prices]]")
    assert rate(prices, "local", "b") == (5, "[[prices]]")
    assert rate(prices, "local", "c") is None


class TestDatedPrices(PriceListContract):
    @override
    def make(self) -> tuple[PriceList, EndpointId]:
        return listed(ScriptedClock()), EndpointId(provider="cloud", model="m-1")
