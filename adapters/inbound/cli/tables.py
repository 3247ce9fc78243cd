"""What the command line shows of endpoints and plans, in columns."""

from collections.abc import Iterable, Sequence

from llm_gateway.application.explain_chat import Explanation
from llm_gateway.application.pools import MemberState
from llm_gateway.domain.prices import MILLION, Price
from llm_gateway.domain.routing import EndpointState, Task

from .arguments import KEY_VARIABLE


def _endpoint_table(states: Iterable[EndpointState]) -> str:
    """Each endpoint, where it is, and why it can or can't be used."""
    rows = [(state.endpoint.name, _where(state), _standing(state)) for state in states if not state.pin_only]
    return columns([("endpoint", "where", "state"), *rows]) if rows else "No endpoint is configured."


def served(states: Sequence[EndpointState], address: str, demo_key: str | None) -> str:
    """What `serve` says at its start: the endpoints, and a line that works, with the key in a variable if need be."""
    key = f"'X-API-Key: {demo_key}'" if demo_key else f'"X-API-Key: ${KEY_VARIABLE}"'
    lines = [_endpoint_table(states), "", f"Listening on {address}"]
    if any(state.demonstration and state.configured for state in states):
        lines.append("Demonstration: the embedded model is small, and often wrong. Configure a provider for real use.")
    body = '{"messages": [{"role": "user", "content": "What is the capital of France?"}], "model_hint": "local"}'
    lines += [
        "",
        f"curl {address}/api/v1/chat -H {key} -H 'Content-Type: application/json' -d '{body}'",
    ]
    return "\n".join(lines)


def explanation_table(explanation: Explanation) -> str:
    """The endpoints in the order in which they would be asked, and what was left out."""
    plan = explanation.plan
    rows = [
        (str(number), state.endpoint.name, _where(state), explanation.breakers[state.endpoint.id])
        for number, state in enumerate(plan.endpoints, 1)
    ]
    table = columns([("", "endpoint", "where", "breaker"), *rows])
    skipped = [f"alias: {plan.alias.name} stands for {plan.alias.target}"] if plan.alias else []
    skipped += [f"left out: {skip.name}: {skip.reason}" for skip in plan.skipped]
    skipped += [_rates(state.endpoint.name, explanation.prices.get(state.endpoint.id)) for state in plan.endpoints]
    skipped += [
        f"member of {id.name}: {_member(one)}" for id, members in explanation.members.items() for one in members
    ]
    for state in plan.endpoints:
        if ignored := plan.ignored(state.endpoint.id):
            skipped.append(f"without effect at {state.endpoint.name}: {', '.join(ignored)}")
    return "\n".join((table, *skipped))


def _rates(name: str, price: Price | None) -> str:
    if price is None:
        return f"price of {name}: unknown"
    rates = price.rates
    dearer = ", more for long prompts" if price.above else ""
    told = f"${rates.input / MILLION:g} in and ${rates.output / MILLION:g} out a million tokens"
    return f"price of {name}: {told}{dearer} ({price.source})"


def _member(state: MemberState) -> str:
    known = "loaded" if state.loaded else "not loaded"
    answers = (
        f"not usable: {state.unusable}" if state.unusable else f"{known}, {state.under_way} of {state.slots} under way"
    )
    return f"{state.name}: {answers}{', set aside' if state.aside else ''}"


def _where(state: EndpointState) -> str:
    return state.endpoint.locality.value.replace("_", " ")


def _standing(state: EndpointState) -> str:
    if not state.configured:
        return f"not configured: {state.unusable}" if state.unusable else "not configured"
    usable = "loading" if state.loading else "usable"
    standing = usable if state.unusable is None else f"not usable: {state.unusable}"
    if state.server_version is not None:
        standing += f", version {state.server_version}"
    if Task.CHAT not in state.tasks:
        standing += " (not for chats)"
    return f"{standing} (demonstration)" if state.demonstration else standing


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length, with each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
