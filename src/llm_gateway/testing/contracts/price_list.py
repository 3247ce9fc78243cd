"""What holds for every `PriceList`."""

from abc import ABC, abstractmethod

from llm_gateway.application.ports.prices import PriceList
from llm_gateway.domain.chat import Usage
from llm_gateway.domain.routing import EndpointId


class PriceListContract(ABC):
    @abstractmethod
    def make(self) -> tuple[PriceList, EndpointId]:
        """A list, and an endpoint whose price it knows."""
        ...

    def test_a_price_says_where_it_stands_and_no_tokens_cost_nothing(self) -> None:
        prices, known = self.make()

        price = prices.price(known)

        assert prices.source
        assert price is not None
        assert price.source
        assert price.microdollars(Usage(prompt_tokens=0, completion_tokens=0)) == 0

    def test_it_is_the_same_asked_again_and_where_an_unheard_of_model_answered(self) -> None:
        prices, known = self.make()

        assert prices.price(known) == prices.price(known) == prices.price(known, "no-such-one")

    def test_what_nobody_has_said_is_unknown(self) -> None:
        prices, _ = self.make()

        assert prices.price(EndpointId(provider="nobodys", model="no-such-one")) is None
