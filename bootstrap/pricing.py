"""The price list that the settings ask for: whose published prices hold for which provider, and the operator's own."""

from collections.abc import Iterator

from llm_gateway.adapters.outbound.prices.price_list import DatedPrices, OwnPrice
from llm_gateway.adapters.outbound.prices.vendor_prices import published_prices
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.prices import MILLION, Price, Rates

from .kinds import SERVERS
from .settings import PriceSettings, Settings

OWN_SOURCE = "[[prices]]"


def price_list(settings: Settings, clock: Clock) -> DatedPrices:
    """A pool's own price is that of each of its members, which are asked."""
    members = {pool.name: pool.pool for pool in settings.pools}
    own = [_own(row, name) for row in settings.prices for name in members.get(row.provider, (row.provider,))]
    return DatedPrices(own, dict(_vendors(settings)), published_prices(), clock)


def _vendors(settings: Settings) -> Iterator[tuple[str, str]]:
    """By its kind, where that is one vendor's, else by its address: a company's own server is nobody's."""
    for kind in SERVERS:
        for row in kind.rows(settings):
            vendor = kind.vendor or (row.base_url and published_prices().vendor_at(row.base_url))
            if vendor:
                yield row.name, vendor


def _own(row: PriceSettings, provider: str) -> OwnPrice:
    rates = Rates(
        input=_micro(row.input),
        output=_micro(row.output),
        cached=None if row.cached is None else _micro(row.cached),
        reasoning=None if row.reasoning is None else _micro(row.reasoning),
    )
    return OwnPrice(provider=provider, names=row.names, price=Price(source=OWN_SOURCE, rates=rates))


def _micro(dollars: float) -> int:
    return round(dollars * MILLION)
