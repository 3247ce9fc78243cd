"""The plan for a call: every reason to refuse it that can be known before anything is charged."""

from collections.abc import Callable, Hashable, Sequence

from msgspec.structs import replace

from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall
from llm_gateway.domain.planning import embedding_plan_key, make_embedding_plan, make_plan, plan_key
from llm_gateway.domain.routing import (
    DEFAULT_ROUTES,
    Alias,
    Aliases,
    EndpointState,
    Hint,
    Plan,
    Routes,
    checked_aliases,
    checked_routes,
)
from llm_gateway.domain.validation import check, check_embedding

from .ports.models import EndpointDirectory

_HINTS = frozenset(Hint)
MAX_PLANS = 1024
"""How many plans are remembered: the one that was made first is forgotten first."""


class PlanRoute:
    """Decides which endpoints a call may go to, in which order, before anything is charged or sent.

    A plan is remembered for calls like it as long as the directory's snapshot stays the same tuple. `routes` are added
    to the default ones, hint by hint. `aliases` are every client's: a client's own win over them, and both over a
    model's real name, but not over a hint's. A call by an alias is planned as one by its target, rights and all; a
    target is not looked up as an alias again. Raises `TypeError` for a route that is no sequence of names.
    """

    def __init__(
        self, directory: EndpointDirectory, routes: Routes = DEFAULT_ROUTES, aliases: Aliases | None = None
    ) -> None:
        self._directory = directory
        self._aliases = checked_aliases(aliases or {})
        self._routes = {**DEFAULT_ROUTES, **checked_routes(routes)}
        self._planned: tuple[Sequence[EndpointState], dict[Hashable, Plan]] = ((), {})

    def __call__(self, call: ChatCall, client: Client) -> Plan:
        """Raises `InvalidRequest`, `UnknownModel`, `Forbidden` or `NoRoute`."""
        check(call)
        alias = self._alias(call.model, client)
        real = replace(call, model=alias.target) if alias else call
        key = plan_key(real, client)
        return self._remembered(key, alias, lambda states: make_plan(real, client, states, self._routes))

    def for_embedding(self, call: EmbedCall, client: Client) -> Plan:
        """One endpoint. Raises `InvalidRequest`, `UnknownModel`, `Forbidden` or `NoRoute`."""
        check_embedding(call)
        alias = self._alias(call.model, client)
        real = replace(call, model=alias.target) if alias else call
        key = embedding_plan_key(real, client)
        return self._remembered(key, alias, lambda states: make_embedding_plan(real, client, states, self._routes))

    def aliases(self, client: Client) -> Aliases:
        """Those that a client's requests may name."""
        return {**self._aliases, **client.aliases}

    def _alias(self, model: str | None, client: Client) -> Alias | None:
        if model is None or not (self._aliases or client.aliases) or model in _HINTS:
            return None
        target = client.aliases.get(model) or self._aliases.get(model)
        return Alias(name=model, target=target) if target else None

    def _remembered(
        self, key: Hashable | None, alias: Alias | None, make: Callable[[Sequence[EndpointState]], Plan]
    ) -> Plan:
        """By an alias its target's plan, which then names the alias."""
        states = self._directory.snapshot()
        if key is None or not isinstance(states, tuple):  # what is no tuple may change in its place
            return _by(alias, make(states))
        if alias is not None:
            key = alias, key
        seen, plans = self._planned
        if seen is not states:
            plans = {}
            self._planned = states, plans
        plan = plans.get(key)
        if plan is None:
            plan = _by(alias, make(states))
            if len(plans) >= MAX_PLANS:
                del plans[next(iter(plans))]
            plans[key] = plan
        return plan


def _by(alias: Alias | None, plan: Plan) -> Plan:
    return plan if alias is None else replace(plan, alias=alias)
