"""Asks an Ollama by its own SDK, and compares its answers with what it says of its model."""

from collections.abc import AsyncGenerator
from typing import Any, Final

import httpx
import ollama
from msgspec import DecodeError, json

from llm_gateway.adapters.outbound.ollama.names import same_model
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.probe_model import Finding, Verdict
from llm_gateway.application.vendor_addresses import server_address

from .probe_set import OllamaProbe, OllamaSet

SECONDS: Final = 120.0
"""For each call: the first one loads the model."""
UNREADABLE: Final = (TimeoutError, OSError, httpx.HTTPError, ValueError)
LIST: Final = "list of models"


class OllamaVendor:
    """One server, and the model of it that is asked."""

    def __init__(self, base_url: str, model: str, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self._sdk = ollama.AsyncClient(host=server_address(base_url))

    async def findings(self, probes: OllamaSet) -> AsyncGenerator[Finding, None]:
        """One that fails is the last."""
        try:
            async with self._within():
                listed = [model.model or "" for model in (await self._sdk.list()).models]
                if not any(same_model(name, self._model) for name in listed):
                    words = f"{self._model} is not pulled: OLLAMA_MODEL names another"
                    yield Finding(question=LIST, verdict=Verdict.OPEN, words=words)
                    return
                capabilities = (await self._sdk.show(self._model)).capabilities or []
        except ollama.ResponseError as error:
            yield Finding(question=LIST, verdict=Verdict.FAILS, words=f"answered {error.status_code}")
            return
        except UNREADABLE as error:
            yield Finding(question=LIST, verdict=Verdict.FAILS, words=f"no answer ({type(error).__name__})")
            return
        yield Finding(question=LIST, verdict=Verdict.AGREES, words=f"{self._model}: {', '.join(capabilities)}")
        for probe in probes.probes:
            finding = await self._ask(probe, capabilities, probes.answer_tokens)
            yield finding
            if finding.verdict is Verdict.FAILS:
                return

    async def aclose(self) -> None:
        await self._sdk._client.aclose()  # the SDK's own way has no types

    def _within(self) -> Any:
        return self._clock.timeout_at(self._clock.monotonic() + SECONDS)

    async def _ask(self, probe: OllamaProbe, capabilities: list[str], answer_tokens: int) -> Finding:
        question = f"{self._model}: {probe.says}"
        expected = probe.capability is None or probe.capability in capabilities
        messages = [{"role": "user", "content": "Count to five, in words."}]
        try:
            async with self._within():
                reply = await self._sdk.chat(
                    self._model, messages, options={"num_predict": answer_tokens}, **probe.send
                )
        except ollama.ResponseError as error:
            if error.status_code != 400:
                return Finding(question=question, verdict=Verdict.OPEN, words=f"answered {error.status_code}")
            return _compared(question, taken=False, expected=expected)
        except UNREADABLE as error:
            return Finding(question=question, verdict=Verdict.FAILS, words=f"no answer ({type(error).__name__})")
        if probe.json and reply.done_reason != "length" and not _is_json(reply.message.content or ""):
            return Finding(question=question, verdict=Verdict.DIFFERS, words="the answer is no JSON")
        return _compared(question, taken=True, expected=expected)


def _compared(question: str, *, taken: bool, expected: bool) -> Finding:
    seen = "taken" if taken else "refused"
    if taken is expected:
        return Finding(question=question, verdict=Verdict.AGREES, words=seen)
    known = "with" if expected else "without"
    return Finding(question=question, verdict=Verdict.DIFFERS, words=f"{seen}, {known} the capability")


def _is_json(text: str) -> bool:
    try:
        json.decode(text)
    except DecodeError:
        return False
    return True
