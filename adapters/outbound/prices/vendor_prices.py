"""The published prices of a few vendors' models: `published.json`, which `just generate` makes from genai-prices.

The library itself takes 33 MiB and 0.7 s of a process that loads it: ADR-0044.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from msgspec import Raw, Struct, field, json
from msgspec.structs import replace

from llm_gateway.domain.prices import Price

Clause: TypeAlias = Mapping[str, Any]
_DATA: Final = "published.json"


class DatedPrice(Struct, frozen=True, kw_only=True):
    """A price from this day on, in ISO's form; the first has none."""

    price: Price
    since: str = ""


class PricedModel(Struct, frozen=True, kw_only=True):
    """The models whose names match a clause of genai-prices' own: `equals`, `contains`, `or` and so on.

    `prices` is None where more than the day and the tokens decides.
    """

    match: Clause
    prices: tuple[DatedPrice, ...] | None


class PublishedVendor(Struct, frozen=True, kw_only=True):
    """`address` is a regular expression for the base URLs of its API. `models` is an array of `PricedModel`s."""

    address: str
    models: Raw


class PublishedPrices(Struct, frozen=True, kw_only=True):
    """Of a vendor the models are read once one of them has to be priced: most gateways ask one vendor, or none."""

    source: str
    vendors: Mapping[str, PublishedVendor]
    _read: dict[str, tuple[PricedModel, ...]] = field(default_factory=dict)

    def vendor_at(self, base_url: str) -> str | None:
        """Whose API is at this address; a company's own gateway in front of it is nobody's."""
        found = (name for name, vendor in self.vendors.items() if re.match(vendor.address, base_url))
        return next(found, None)

    def price(self, vendor: str, model: str, day: str) -> Price | None:
        """The first row that matches counts, and of it the last price that began by this day."""
        name = model.lower()
        if vendor not in self._read:
            self._read[vendor] = _models.decode(self.vendors[vendor].models)
        for row in self._read[vendor]:
            if _matches(row.match, name):
                return None if row.prices is None else replace(_on(row.prices, day), source=self.source)
        return None


_models: Final = json.Decoder(tuple[PricedModel, ...])


@lru_cache(1)
def published_prices() -> PublishedPrices:
    return json.decode(files(__package__).joinpath(_DATA).read_bytes(), type=PublishedPrices)


def _on(prices: Sequence[DatedPrice], day: str) -> Price:
    return next(one.price for one in reversed(prices) if one.since <= day)


def _matches(clause: Clause, name: str) -> bool:
    ((kind, said),) = clause.items()
    match kind:
        case "equals":
            return bool(name == said)
        case "starts_with":
            return name.startswith(said)
        case "ends_with":
            return name.endswith(said)
        case "contains":
            return said in name
        case "regex":
            return re.search(said, name) is not None
        case "or":
            return any(_matches(one, name) for one in said)
        case _:
            return all(_matches(one, name) for one in said)
