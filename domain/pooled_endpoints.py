"""What a pool offers, of what its members' servers tell: one endpoint for each model. Pure."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TypeVar

from msgspec.structs import replace

from .routing import Endpoint, EndpointId, EndpointState, Locality

T = TypeVar("T")


def pooled(name: str, model: str, members: Sequence[Sequence[EndpointState]]) -> tuple[EndpointState, ...]:
    """The pool's own model first, then the others by name. `members` are the endpoints of each, its own first.

    It is on the premises where all of its members are. What of it changes an answer is what the model's name and its
    members' settings say, and not where they are: a fingerprint begins with the address, which is left out.
    """
    outside = any(states and states[0].endpoint.locality is Locality.CLOUD for states in members)
    found: dict[str, list[EndpointState]] = {model: []}
    for states in members:
        for state in states:
            found.setdefault(state.endpoint.id.model, []).append(state)
    place = Locality.CLOUD if outside else Locality.ON_PREMISES
    return tuple(
        _pooled(Endpoint(id=EndpointId(provider=name, model=one), locality=place), found[one], own=one == model)
        for one in sorted(found, key=lambda one: (one != model, one))
    )


def _pooled(endpoint: Endpoint, states: Sequence[EndpointState], *, own: bool) -> EndpointState:
    """What all members can do that can answer now; what any can where none can."""
    if not states:
        nothing = "no member of the pool has this model"
        return EndpointState(endpoint=endpoint, features=frozenset(), pin_only=not own, unusable=nothing)
    usable = [state for state in states if state.configured and state.unusable is None]
    one, *rest = all_of = usable or states
    lengths = [state.context_length for state in all_of if state.context_length is not None]
    cloud = any(state.endpoint.locality is Locality.CLOUD for state in states)
    away = [f"{state.endpoint.id.provider}: {state.unusable}" for state in states if state.unusable is not None]
    notes = dict.fromkeys(note for state in states for note in state.notes)
    return replace(
        one,
        endpoint=replace(
            endpoint,
            locality=Locality.CLOUD if cloud else endpoint.locality,
            fingerprint=max(state.endpoint.fingerprint.partition(" ")[2] for state in states),
        ),
        features=_common((state.features for state in rest), one.features),
        left_out=one.left_out.union(*(state.left_out for state in rest)),
        aliases=_common((state.aliases for state in rest), one.aliases),
        tasks=_common((state.tasks for state in rest), one.tasks),
        configured=any(state.configured for state in states),
        unusable=None if usable else "; ".join(away) or "not configured",
        pin_only=not own,
        context_length=max(lengths) if len(lengths) == len(all_of) else None,
        notes=(*notes, *away) if usable else tuple(notes),
    )


def _common(sets: Iterable[frozenset[T]], first: frozenset[T]) -> frozenset[T]:
    return reduce(frozenset.intersection, sets, first)
