"""The prices of the configured providers' models by the day, each looked up once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct
from typing_extensions import override

from llm_gateway.application.ports.prices import PriceList
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.prices import Price
from llm_gateway.domain.routing import EndpointId

from .vendor_prices import PublishedPrices

_MOST_REMEMBERED: Final = 1_024


class OwnPrice(Struct, frozen=True, kw_only=True):
    """What an operator says that models of one provider cost; `*` in a name is anything."""

    provider: str
    names: tuple[str, ...]
    price: Price


class DatedPrices(PriceList):
    """`own` rows count before the published ones, the first that matches first. `vendors` says, by provider, whose
    published prices hold for it.
    """

    def __init__(
        self, own: Sequence[OwnPrice], vendors: Mapping[str, str], published: PublishedPrices, clock: Clock
    ) -> None:
        self._own = own
        self._vendors = vendors
        self._published = published
        self._clock = clock
        self._day = -1
        self._known: dict[tuple[EndpointId, str], Price | None] = {}

    @property
    @override
    def source(self) -> str:
        return self._published.source

    @override
    def price(self, endpoint: EndpointId, answered: str | None = None) -> Price | None:
        now = self._clock.now()
        day = int(now // 86_400)
        if day != self._day or len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
            self._day = day
        key = endpoint, answered or endpoint.model
        try:
            return self._known[key]
        except KeyError:
            date = datetime.fromtimestamp(now, UTC).date().isoformat()
            price = self._known[key] = self._look_up(*key, date)
            return price

    def _look_up(self, endpoint: EndpointId, answered: str, day: str) -> Price | None:
        """An operator's own price is of the model by the name that is asked for."""
        for one in self._own:
            if one.provider == endpoint.provider and any(fnmatchcase(endpoint.model, name) for name in one.names):
                return one.price
        vendor = self._vendors.get(endpoint.provider)
        if vendor is None:
            return None
        return self._published.price(vendor, answered, day) or self._published.price(vendor, endpoint.model, day)
