"""How many tokens a prompt has: by the vendor's own counter where it has one, else by an estimate that few pass."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import ProviderError, QuotaExceeded
from llm_gateway.domain.estimate import ample_prompt
from llm_gateway.domain.quota import Bucket, Charge, Limit, Quota, ReservationId
from llm_gateway.domain.resilience import BreakerState, Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId

from .answer_slots import AnswerSlots
from .breakers import Breakers
from .long_work import off_the_loop, weight_of
from .plan_route import PlanRoute
from .ports.models import ChatModel
from .ports.stores import RateLimiter
from .ports.system import Clock, Entropy

COUNT_SECONDS: Final = 5.0
"""How long a vendor's counter is waited for."""
MAX_COUNTS: Final = 256
"""Under way in one process."""
COUNTS: Final = Bucket.of(120, 2.0)
"""Of each client, beside its quota: Claude Code asks for 24 at once."""
SETTING: Final = "counts of tokens"
_ONE: Final = Charge(requests=1)


class Counted(Struct, frozen=True, kw_only=True):
    """`estimated`: by the gateway, as the provider has no counter or did not answer. `endpoint` is where the chat would
    go first.
    """

    tokens: int
    estimated: bool
    endpoint: EndpointId


class CountTokens:
    """Counts a chat's prompt where the chat would go first, with the same rights; nothing of the quota is charged.

    What can't be counted in time is estimated. A bucket of each client's own bounds how often it may ask.
    """

    def __init__(
        self,
        models: Mapping[str, ChatModel],
        plan_route: PlanRoute,
        breakers: Breakers,
        limiter: RateLimiter,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._models = models
        self._plan_route = plan_route
        self._breakers = breakers
        self._limiter = limiter
        self._clock = clock
        self._entropy = entropy
        self._slots = AnswerSlots(MAX_COUNTS)

    async def __call__(self, call: ChatCall, client: Client) -> Counted:
        """No header of the client's goes on to the vendor, and no trace: a count has no span.

        Raises `InvalidRequest`, `UnknownModel`, `Forbidden`, `NoRoute`, `QuotaExceeded`, `LimiterUnavailable` or
        `Overloaded`. Cancelling ends the call to the vendor.
        """
        endpoint = self._plan_route(call, client).endpoints[0].endpoint
        refused = self._slots.take(client.id)
        if refused is not None:
            raise refused
        began = self._clock.monotonic()
        try:
            await self._admit(client)
            tokens = await self._counted(call, endpoint)
            estimated = tokens is None
            if tokens is None:
                tokens = await off_the_loop(weight_of(call.request), partial(ample_prompt, call.request))
        finally:
            self._slots.give_back(client.id, self._clock.monotonic() - began)
        return Counted(tokens=tokens, estimated=estimated, endpoint=endpoint.id)

    async def _admit(self, client: Client) -> None:
        counter = Client(id=ClientId(f"{client.id}:counts"), namespace=client.namespace, quota=Quota(requests=COUNTS))
        decision = await self._limiter.take(counter, _ONE, ReservationId(self._entropy.new_id()))
        if not decision.allowed:
            raise QuotaExceeded(decision, Limit.REQUESTS, SETTING)

    async def _counted(self, call: ChatCall, endpoint: Endpoint) -> int | None:
        """None where the provider has no counter, is not to be asked now, or failed."""
        model = self._models.get(endpoint.id.provider)
        if model is None or self._breakers.state(endpoint.id) is BreakerState.OPEN:
            return None
        seconds = min(call.timeout or timedelta(seconds=COUNT_SECONDS), timedelta(seconds=COUNT_SECONDS))
        deadline = Deadline(self._clock.monotonic() + seconds.total_seconds())
        try:
            return await model.count(endpoint, call.request, deadline=deadline, headers={})
        except ProviderError:
            return None
