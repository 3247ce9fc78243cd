"""The routing policy: from a call, its client and what is known of the endpoints to a plan. Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain

from .chat import ChatCall
from .clients import Client
from .embedding import EmbedCall
from .errors import Fault, Forbidden, InvalidRequest, NoRoute, UnknownModel
from .features import beyond, features_used
from .routing import DEFAULT_ROUTES, EndpointState, Feature, Hint, Locality, Plan, Routes, Skip, Task

_HINTS = frozenset(Hint)


def make_plan(
    call: ChatCall, client: Client, endpoints: Sequence[EndpointState], routes: Routes = DEFAULT_ROUTES
) -> Plan:
    """Raises `UnknownModel`, `Forbidden`, `InvalidRequest` where the call is at fault, `NoRoute` where it is not.

    A model pins. A hint routes, and beside a model it only filters; beside another hint both must allow an endpoint.
    """
    named = Hint(call.model) if call.model in _HINTS else None
    hints = [hint for hint in (named, call.hint) if hint is not None]
    pinned = _pinned(call.model, endpoints, Task.CHAT) if call.model is not None and named is None else None
    _permit(client, hints or ([] if pinned else [Hint.LOCAL]), pinned)
    skipped: list[Skip] = []
    if pinned is not None:
        _check_pin(client, pinned, hints, routes, Task.CHAT)
        candidates: Sequence[EndpointState] = (pinned,)
    else:
        candidates = _routed(hints or [Hint.LOCAL], client, endpoints, routes, skipped)
    chosen = tuple(_able(call, candidates, skipped))
    if not chosen:
        raise _nothing_left(skipped)
    return Plan(
        hint=_meant(hints, client),
        pinned=pinned is not None,
        endpoints=chosen,
        skipped=tuple(skipped),
    )


def make_embedding_plan(
    call: EmbedCall, client: Client, endpoints: Sequence[EndpointState], routes: Routes = DEFAULT_ROUTES
) -> Plan:
    """The one endpoint that the call names: vectors of two models can't be compared, so there is no other choice.

    A hint only filters, and its name is no model. Raises what `make_plan` raises.
    """
    hints = [call.hint] if call.hint is not None else []
    pinned = _pinned(call.model, endpoints, Task.EMBED)
    _permit(client, hints, pinned)
    _check_pin(client, pinned, hints, routes, Task.EMBED)
    if away := _away(pinned):
        raise NoRoute({pinned.endpoint.name: away})
    return Plan(hint=_meant(hints, client), pinned=True, endpoints=(pinned,))


def _pinned(model: str, endpoints: Sequence[EndpointState], task: Task) -> EndpointState:
    """By `provider/model`, else by provider, else by model, else by an alias; the first in the directory's order.

    One that can't do the task is taken only where no other has the name.
    """
    by_name = (state for state in endpoints if state.endpoint.name == model)
    by_provider = (state for state in endpoints if state.endpoint.id.provider == model and not state.pin_only)
    by_model = (state for state in endpoints if state.endpoint.id.model == model)
    by_alias = (state for state in endpoints if state.is_named(model) or state.is_model(model))
    first = None
    for state in chain(by_name, by_provider, by_model, by_alias):
        if task in state.tasks:
            return state
        first = first or state
    if first is None:
        known = "hint, provider or model" if task is Task.CHAT else "provider or model"
        raise UnknownModel(f"No {known} has this name here. GET /v1/models lists what may be named.")
    return first


def _permit(client: Client, hints: Iterable[Hint], pinned: EndpointState | None) -> None:
    for hint in hints:
        if not client.may_hint(hint):
            raise Forbidden(f"This key may not use the hint {hint.value}.")
    if pinned is not None and not client.may_use(pinned.endpoint.id, pinned.aliases):
        raise Forbidden(f"This key may not use {pinned.endpoint.name}.")


def _check_pin(client: Client, pinned: EndpointState, hints: Sequence[Hint], routes: Routes, task: Task) -> None:
    """A key that is kept to some hints is not let past them by naming a model and no hint."""
    for hint in hints:
        reason = _excluded(pinned, hint, routes)
        if reason:
            raise InvalidRequest.at("model", f"{pinned.endpoint.name} is {reason}")
    if not hints and client.hints is not None and all(_excluded(pinned, hint, routes) for hint in client.hints):
        raise Forbidden(f"No hint that this key may use leads to {pinned.endpoint.name}.")
    if task not in pinned.tasks:
        raise InvalidRequest.at("model", f"{pinned.endpoint.name} {_cannot_do(task)}")


def _meant(hints: Sequence[Hint], client: Client) -> Hint | None:
    """What a plan is made for: `secure` wins, and is meant by a key that may use nothing else, said or not."""
    secure = Hint.SECURE in hints or (not hints and client.hints == frozenset((Hint.SECURE,)))
    return Hint.SECURE if secure else next(iter(hints), None)


def _excluded(state: EndpointState, hint: Hint, routes: Routes) -> str | None:
    """Why the hint keeps this endpoint out, or None. The demonstration stands in for any route."""
    if hint is Hint.SECURE and state.endpoint.locality is not Locality.ON_PREMISES:
        return "in the cloud, where secure requests never go"
    route = routes[hint]
    if state.demonstration or state.endpoint.id.provider in route or any(state.is_named(name) for name in route):
        return None
    return f"not in the route of the hint {hint.value}"


def _routed(
    hints: Sequence[Hint],
    client: Client,
    endpoints: Sequence[EndpointState],
    routes: Routes,
    skipped: list[Skip],
) -> Sequence[EndpointState]:
    candidates = _within(hints, _on_route(routes[hints[0]], endpoints, skipped), routes, skipped)
    if not any(state.configured for state in candidates):
        skipped += [Skip(name=state.endpoint.name, reason=state.unusable or "not configured") for state in candidates]
        candidates = _within(hints, [state for state in endpoints if state.demonstration], routes, skipped)
    allowed = [state for state in candidates if client.may_use(state.endpoint.id, state.aliases)]
    if candidates and not allowed:
        raise Forbidden("This key may not use any model of this route.")
    skipped += [
        Skip(name=state.endpoint.name, reason="not permitted to this key")
        for state in candidates
        if not client.may_use(state.endpoint.id, state.aliases)
    ]
    return allowed


def _within(
    hints: Sequence[Hint], candidates: Iterable[EndpointState], routes: Routes, skipped: list[Skip]
) -> list[EndpointState]:
    """The endpoints that no hint keeps out."""
    within = []
    for state in candidates:
        reason = next((reason for hint in hints if (reason := _excluded(state, hint, routes))), None)
        if reason is None:
            within.append(state)
        else:
            skipped.append(Skip(name=state.endpoint.name, reason=reason))
    return within


def _on_route(route: Sequence[str], endpoints: Sequence[EndpointState], skipped: list[Skip]) -> list[EndpointState]:
    """Each endpoint once, where the route first names it. A demonstration is a stand-in, and on no provider's route."""
    found: dict[str, EndpointState] = {}
    for name in route:
        serving = [state for state in endpoints if _serves(state, name)]
        if not serving:
            skipped.append(Skip(name=name, reason="not configured"))
        for state in serving:
            if not state.demonstration:
                found.setdefault(state.endpoint.name, state)
    return list(found.values())


def _serves(state: EndpointState, name: str) -> bool:
    return state.is_named(name) or (state.endpoint.id.provider == name and not state.pin_only)


def _able(call: ChatCall, candidates: Iterable[EndpointState], skipped: list[Skip]) -> Iterable[EndpointState]:
    used = features_used(call.request)
    for state in candidates:
        missing = next((feature for feature in used if feature not in state.features), None)
        if away := _away(state):
            skipped.append(Skip(name=state.endpoint.name, reason=away))
        elif Task.CHAT not in state.tasks:
            skipped.append(Skip(name=state.endpoint.name, reason=_cannot_do(Task.CHAT)))
        elif missing is not None:
            skipped.append(_cannot(state, missing, used[missing]))
        elif (over := beyond(call.request, state)) is not None:
            path, taken = over
            skipped.append(Skip(name=state.endpoint.name, reason=f"{state.endpoint.name} takes {taken}", path=path))
        else:
            yield state


def _away(state: EndpointState) -> str:
    """Why an endpoint can't answer now; empty where it can."""
    return state.unusable or ("" if state.configured else "not configured")


def _cannot_do(task: Task) -> str:
    return f"does not {task.value}"


def _cannot(state: EndpointState, feature: Feature, path: str) -> Skip:
    return Skip(name=state.endpoint.name, reason=f"cannot honour {feature.value}", path=path)


def _nothing_left(skipped: Sequence[Skip]) -> InvalidRequest | NoRoute:
    if skipped and all(skip.path is not None for skip in skipped):
        return InvalidRequest([Fault(path=skip.path or "", message=f"{skip.name} {skip.reason}") for skip in skipped])
    return NoRoute({skip.name: skip.reason for skip in skipped})
