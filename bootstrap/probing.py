"""`check --probe`: the configured servers are asked, through the adapters that would ask them for a client."""

from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Final

from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.providers import Provider
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.probe_model import Finding, ProbeModel, Verdict, questions_for
from llm_gateway.application.probe_questions import ANSWER_TOKENS, PROMPT_TOKENS
from llm_gateway.domain.routing import EndpointState

from .kinds import SERVERS
from .settings import Settings
from .stores import store_troubles

LOOK_SECONDS: Final = 30.0
"""For a provider to say what it has."""


async def probe(settings: Settings, say: Callable[[str], None], clock: Clock | None = None) -> bool:
    """Ask each configured provider's own model and each store, one after the other, and say a line for each finding.

    What a model will be asked is said before. False where a configured provider can't answer, or a store be used.
    """
    clock = clock or SystemClock()
    asked, able = False, True
    for kind in SERVERS:
        for row in kind.rows(settings):
            async with AsyncExitStack() as stack:
                provider = kind.provider(row, settings, clock)
                if provider.close is not None:
                    stack.push_async_callback(provider.close)
                state = await _own_state(provider, clock)
                if provider.model is not None and not state.configured:
                    continue  # nobody asked for it, and nothing is there
                asked = True
                able &= await _probe_one(provider, state, ProbeModel(clock), say)
    for name, trouble in await store_troubles(settings, clock):
        asked = True
        able &= trouble is None
        say(f"Probe: {name}  {f'{Verdict.FAILS}  {trouble}' if trouble else 'can be used'}")
    if not asked:
        say("Probe: no server is configured, so none is asked.")
    return able


async def _own_state(provider: Provider, clock: Clock) -> EndpointState:
    if provider.look is not None:
        with suppress(TimeoutError):  # its state then says that it was not looked at
            async with clock.timeout_at(clock.monotonic() + LOOK_SECONDS):
                await provider.look()
    return next(state for state in provider.directory.snapshot() if not state.pin_only)


async def _probe_one(provider: Provider, state: EndpointState, ask: ProbeModel, say: Callable[[str], None]) -> bool:
    name = state.endpoint.name
    if state.unusable is not None:
        say(f"Probe: {name}  {Verdict.FAILS}  {state.unusable}")
        return False
    questions = questions_for(state)
    calls = len(questions) or 1
    say(f"Probe: {name} is asked {calls} times, for at most {calls * (ANSWER_TOKENS + PROMPT_TOKENS)} tokens in all.")
    if not questions and provider.embedding is not None:
        return _told(name, await ask.embedding(state, provider.embedding), say)
    if provider.model is None:
        return False
    for question in questions:
        if not _told(name, await ask.chat(question, state, provider.model), say):
            return False
    return True


def _told(name: str, finding: Finding, say: Callable[[str], None]) -> bool:
    say(f"Probe: {name}  {finding.verdict}  {finding.question}{f': {finding.words}' if finding.words else ''}")
    return finding.verdict is not Verdict.FAILS
