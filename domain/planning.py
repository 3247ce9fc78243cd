"""The routing policy: from a call, its client and what is known of the endpoints to a plan. Pure."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TypeAlias

from .chat import ChatCall
from .clients import Client
from .embedding import EmbedCall
from .errors import Fault, Forbidden, InvalidRequest, NoRoute, UnknownModel
from .features import fields_used, has_media, unable, with_nearest_effort
from .routing import DEFAULT_ROUTES, EndpointState, Hint, Locality, Plan, Routes, Skip, Task

_HINTS = frozenset(Hint)
_NO_EFFECT = "has no effect here, and this key is refused where a field has none"

Obstacle: TypeAlias = Callable[[EndpointState], Skip | None]
"""Why an endpoint is left out; None where it is not."""


def make_plan(
    call: ChatCall, client: Client, endpoints: Sequence[EndpointState], routes: Routes = DEFAULT_ROUTES
) -> Plan:
    """Raises `UnknownModel`, `Forbidden`, `InvalidRequest` where the call is at fault, `NoRoute` where it is not.

    A model pins. A hint routes, and beside a model it only filters; beside another hint both must allow an endpoint.
    """
    named = Hint(call.model) if call.model in _HINTS else None
    hints = list(filter(None, (named, call.hint)))
    pin = call.model if named is None else None
    skipped: list[Skip] = []
    if pin is not None:
        candidates = [_pin(pin, Task.CHAT, client, hints, endpoints, routes)]
    else:
        candidates, skipped = _route(hints or [Hint.LOCAL], client, endpoints, routes)
    if client.strict and call.ignored:
        raise InvalidRequest([Fault(path=path, message=_NO_EFFECT) for path in call.ignored])
    used = fields_used(call.request)
    if call.nearest_effort and not client.strict:
        candidates = [with_nearest_effort(state, used) for state in candidates]
    chosen, left_out = _split(candidates, partial(unable, call.request, used, strict=client.strict))
    skipped += left_out
    if not chosen:
        raise _nothing_left(skipped, candidates)
    hint = _effective_hint(hints, client)
    return Plan(hint=hint, pinned=pin is not None, endpoints=tuple(chosen), skipped=tuple(skipped), used=used)


def plan_key(call: ChatCall, client: Client) -> Hashable | None:
    """All that `make_plan` reads of a call and its client: with equal keys, endpoints and routes its plan is equal.

    None where media are in the request, as each of them counts, and where it is refused for its labels.
    """
    used = fields_used(call.request)
    if has_media(used) or (client.strict and call.ignored):
        return None
    seed, stops = call.request.sampling.seed, len(call.request.sampling.stop)
    bits = None if seed is None else (seed if seed >= 0 else ~seed).bit_length()
    by = call.model, call.hint, call.nearest_effort, client.hints, client.models, client.strict
    return *by, stops, bits, *used.items()


def embedding_plan_key(call: EmbedCall, client: Client) -> Hashable:
    """The same for `make_embedding_plan`."""
    return Task.EMBED, call.model, call.hint, client.hints, client.models


def make_embedding_plan(
    call: EmbedCall, client: Client, endpoints: Sequence[EndpointState], routes: Routes = DEFAULT_ROUTES
) -> Plan:
    """The one endpoint that the call names: vectors of two models can't be compared, so there is no other choice.

    A hint only filters, and its name is no model. Raises what `make_plan` raises.
    """
    hints = [call.hint] if call.hint is not None else []
    state = _pin(call.model, Task.EMBED, client, hints, endpoints, routes)
    if state.unusable or not state.configured:
        raise NoRoute({state.endpoint.name: state.unusable or "not configured"}, retry_after=state.out_for)
    return Plan(hint=_effective_hint(hints, client), pinned=True, endpoints=(state,))


def _pin(
    model: str, task: Task, client: Client, hints: Sequence[Hint], endpoints: Sequence[EndpointState], routes: Routes
) -> EndpointState:
    """The endpoint of this name, where the client may use it and no hint excludes it.

    A key that is kept to some hints is not let past them by naming a model and no hint.
    """
    pinned = _named(model, endpoints, task)
    _check_hints(client, hints)
    if not client.may_use(pinned.endpoint.id, pinned.aliases):
        raise Forbidden(f"This key may not use {pinned.endpoint.name}.")
    if hints:
        excluded = _excluded(hints, routes, pinned)
        if excluded is not None:
            raise InvalidRequest.at("model", f"{pinned.endpoint.name} is {excluded.reason}")
    elif client.hints is not None and all(_excluded([hint], routes, pinned) for hint in client.hints):
        raise Forbidden(f"No hint that this key may use leads to {pinned.endpoint.name}.")
    if task not in pinned.tasks:
        raise InvalidRequest.at("model", f"{pinned.endpoint.name} does not {task.value}")
    return pinned


def _named(model: str, endpoints: Sequence[EndpointState], task: Task) -> EndpointState:
    """By `provider/model`, else by provider, else by model, else by an alias; the first in the directory's order.

    One that can't do the task is taken only where no other has the name.
    """
    found: dict[tuple[bool, int], EndpointState] = {}
    for state in endpoints:
        id = state.endpoint.id
        if id.name == model:
            rank = 0
        elif id.provider == model and not state.pin_only:
            rank = 1
        elif id.model == model:
            rank = 2
        elif state.aliases and (id.is_named(model, state.aliases) or id.is_model(model, state.aliases)):
            rank = 3
        else:
            continue
        found.setdefault((task not in state.tasks, rank), state)
    if not found:
        known = "hint, provider or model" if task is Task.CHAT else "provider or model"
        raise UnknownModel(f"No {known} has this name here. GET /v1/models lists what may be named.")
    return found[min(found)]


def _check_hints(client: Client, hints: Iterable[Hint]) -> None:
    for hint in hints:
        if not client.may_hint(hint):
            raise Forbidden(f"This key may not use the hint {hint.value}.")


def _effective_hint(hints: Sequence[Hint], client: Client) -> Hint | None:
    """What a plan is made for: `secure` wins, and is meant by a key that may use nothing else, said or not."""
    secure = Hint.SECURE in hints or (not hints and client.hints == frozenset((Hint.SECURE,)))
    return Hint.SECURE if secure else next(iter(hints), None)


def _route(
    hints: Sequence[Hint], client: Client, endpoints: Sequence[EndpointState], routes: Routes
) -> tuple[list[EndpointState], list[Skip]]:
    """The endpoints on the first hint's route that no hint excludes and the client may use, and what was left out."""
    _check_hints(client, hints)
    excluded = partial(_excluded, hints, routes)
    on_route, skipped = _on_route(routes[hints[0]], endpoints)
    candidates, left_out = _split(on_route, excluded)
    skipped += left_out
    if not any(state.configured for state in candidates):
        skipped += [Skip(name=state.endpoint.name, reason=state.unusable or "not configured") for state in candidates]
        candidates, left_out = _split([state for state in endpoints if state.demonstration], excluded)
        skipped += left_out
    allowed, forbidden = _split(candidates, partial(_forbidden, client))
    if candidates and not allowed:
        raise Forbidden("This key may not use any model of this route.")
    return allowed, skipped + forbidden


def _split(states: Iterable[EndpointState], obstacle: Obstacle) -> tuple[list[EndpointState], list[Skip]]:
    """Those without the obstacle, and why the others are left out; both in order."""
    left, skipped = [], []
    for state in states:
        skip = obstacle(state)
        if skip is None:
            left.append(state)
        else:
            skipped.append(skip)
    return left, skipped


def _on_route(route: Sequence[str], endpoints: Sequence[EndpointState]) -> tuple[list[EndpointState], list[Skip]]:
    """Each endpoint once, where the route first names it. A demonstration is a stand-in, and on no provider's route."""
    found: dict[str, EndpointState] = {}
    unknown = []
    for name in route:
        serving = [state for state in endpoints if _serves(state, name)]
        if not serving:
            unknown.append(Skip(name=name, reason="not configured"))
        for state in serving:
            if not state.demonstration:
                found.setdefault(state.endpoint.name, state)
    return list(found.values()), unknown


def _serves(state: EndpointState, name: str) -> bool:
    id = state.endpoint.id
    return id.is_named(name, state.aliases) or (id.provider == name and not state.pin_only)


def _excluded(hints: Sequence[Hint], routes: Routes, state: EndpointState) -> Skip | None:
    """By a hint. The demonstration stands in for any route."""
    for hint in hints:
        if hint is Hint.SECURE and state.endpoint.locality is not Locality.ON_PREMISES:
            return Skip(name=state.endpoint.name, reason="in the cloud, where secure requests never go")
        route, id = routes[hint], state.endpoint.id
        led_to = id.provider in route or any(id.is_named(name, state.aliases) for name in route)
        if not led_to and not state.demonstration:
            return Skip(name=state.endpoint.name, reason=f"not in the route of the hint {hint.value}")
    return None


def _forbidden(client: Client, state: EndpointState) -> Skip | None:
    allowed = client.may_use(state.endpoint.id, state.aliases)
    return None if allowed else Skip(name=state.endpoint.name, reason="not permitted to this key")


def _nothing_left(skipped: Sequence[Skip], candidates: Sequence[EndpointState]) -> InvalidRequest | NoRoute:
    if skipped and all(skip.path is not None for skip in skipped):
        return InvalidRequest([Fault(path=skip.path or "", message=f"{skip.name} {skip.reason}") for skip in skipped])
    waits = [state.out_for for state in candidates if state.out_for is not None]
    soonest = min(waits) if waits and len(waits) == len(candidates) else None
    return NoRoute({skip.name: skip.reason for skip in skipped}, retry_after=soonest)
