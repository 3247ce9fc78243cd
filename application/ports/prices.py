"""The port to what models cost."""

from abc import abstractmethod
from typing import Protocol

from llm_gateway.domain.prices import Price
from llm_gateway.domain.routing import EndpointId


class PriceList(Protocol):
    """Port: the prices of models, as dated data. Asking waits for nothing."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Which data this is, as records tell it."""
        ...

    @abstractmethod
    def price(self, endpoint: EndpointId, answered: str | None = None) -> Price | None:
        """Today's, of the model that `answered`, where that is another than was asked: one that the vendor has retired.

        None where no price of it is known, which is not the same as one that costs nothing.
        """
        ...
