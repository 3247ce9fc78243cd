"""What would happen to a call: its plan, and how each endpoint does. Nothing is sent, nothing is charged."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from llm_gateway.domain.cache_use import CacheUse
from llm_gateway.domain.chat import ChatCall, ChatReply
from llm_gateway.domain.clients import Client
from llm_gateway.domain.prices import Price
from llm_gateway.domain.resilience import BreakerState
from llm_gateway.domain.routing import EndpointId, Plan

from .breakers import Breakers
from .cache_lookup import CacheLookup
from .plan_route import PlanRoute
from .pools import MemberState, Pool
from .ports.prices import PriceList


class Explanation(Struct, frozen=True, kw_only=True):
    """The plan that a chat would have, how it would use the cache, and the breaker's state for each endpoint of it.

    `prices` are those that are known.
    `members` are those of each endpoint that is a pool's, in the order of the pool.
    """

    plan: Plan
    cache: CacheUse
    breakers: dict[EndpointId, BreakerState]
    prices: Mapping[EndpointId, Price] = {}
    members: dict[EndpointId, tuple[MemberState, ...]] = {}


class ExplainChat:
    """Plans a chat without sending or charging anything, and adds the state of each planned endpoint's breaker."""

    def __init__(
        self,
        plan_route: PlanRoute,
        lookup: CacheLookup[ChatReply],
        breakers: Breakers,
        pools: Mapping[str, Pool] | None = None,
        prices: PriceList | None = None,
    ) -> None:
        self._plan_route = plan_route
        self._lookup = lookup
        self._breakers = breakers
        self._prices = prices
        self._pools = pools or {}

    def __call__(self, call: ChatCall, client: Client) -> Explanation:
        """Raises what planning raises."""
        plan = self._plan_route(call, client)
        states = {state.endpoint.id: self._breakers.state(state.endpoint.id) for state in plan.endpoints}
        pooled = ((state.endpoint, self._pools.get(state.endpoint.id.provider)) for state in plan.endpoints)
        members = {endpoint.id: pool.members(endpoint) for endpoint, pool in pooled if pool is not None}
        priced = {one: price for one in states if (price := self._price(one, members.get(one, ())))}
        use = self._lookup.use(call.request, call.cache)
        return Explanation(plan=plan, cache=use, breakers=states, prices=priced, members=members)

    def _price(self, endpoint: EndpointId, members: Sequence[MemberState]) -> Price | None:
        """A pool's is that of all its members, as each call costs what it costs where it was asked."""
        if self._prices is None:
            return None
        asked = [EndpointId(provider=member.name, model=endpoint.model) for member in members] or [endpoint]
        price, *others = [self._prices.price(one) for one in asked]
        return price if all(other == price for other in others) else None
