"""The plan for a call: every reason to refuse it that can be known before anything is charged."""

from collections.abc import Callable, Hashable, Sequence

from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall
from llm_gateway.domain.planning import embedding_plan_key, make_embedding_plan, make_plan, plan_key
from llm_gateway.domain.routing import DEFAULT_ROUTES, EndpointState, Plan, Routes, checked_routes
from llm_gateway.domain.validation import check, check_embedding

from .ports.models import EndpointDirectory

MAX_PLANS = 1024
"""How many plans are remembered: the one that was made first is forgotten first."""


class PlanRoute:
    """Decides which endpoints a call may go to, in which order, before anything is charged or sent.

    A plan is remembered for calls like it as long as the directory's snapshot stays the same tuple. `routes` are added
    to the default ones, hint by hint. Raises `TypeError` for a route that is no sequence of names.
    """

    def __init__(self, directory: EndpointDirectory, routes: Routes = DEFAULT_ROUTES) -> None:
        self._directory = directory
        self._routes = {**DEFAULT_ROUTES, **checked_routes(routes)}
        self._planned: tuple[Sequence[EndpointState], dict[Hashable, Plan]] = ((), {})

    def __call__(self, call: ChatCall, client: Client) -> Plan:
        """Raises `InvalidRequest`, `UnknownModel`, `Forbidden` or `NoRoute`."""
        check(call)
        key = plan_key(call, client)
        return self._remembered(key, lambda states: make_plan(call, client, states, self._routes))

    def for_embedding(self, call: EmbedCall, client: Client) -> Plan:
        """One endpoint. Raises `InvalidRequest`, `UnknownModel`, `Forbidden` or `NoRoute`."""
        check_embedding(call)
        key = embedding_plan_key(call, client)
        return self._remembered(key, lambda states: make_embedding_plan(call, client, states, self._routes))

    def _remembered(self, key: Hashable | None, make: Callable[[Sequence[EndpointState]], Plan]) -> Plan:
        states = self._directory.snapshot()
        if key is None or not isinstance(states, tuple):  # what is no tuple may change in its place
            return make(states)
        seen, plans = self._planned
        if seen is not states:
            plans = {}
            self._planned = states, plans
        plan = plans.get(key)
        if plan is None:
            plan = make(states)
            if len(plans) >= MAX_PLANS:
                del plans[next(iter(plans))]
            plans[key] = plan
        return plan
