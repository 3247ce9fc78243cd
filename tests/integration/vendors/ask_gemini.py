"""Asks Gemini, by its own SDK unless told otherwise, and compares its answers with the data file."""

from collections.abc import AsyncGenerator, Iterator
from typing import Final

from llm_gateway.adapters.outbound.gemini.client import Carrier, GeminiClient
from llm_gateway.adapters.outbound.gemini.wire import Model
from llm_gateway.adapters.outbound.vendor_http.errors import HttpRefusal, VendorHttpError
from llm_gateway.application.model_facts import ModelTable
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.probe_model import Finding, Verdict

from .probe_set import GeminiProbe, GeminiSet

SECONDS: Final = 30.0
"""For each call."""
UNREADABLE: Final = (TimeoutError, OSError, VendorHttpError, ValueError)
_PROMPT: Final = "Count to five, in words."


class GeminiVendor:
    """One account. `table` is the data file."""

    def __init__(self, key: str, base_url: str | None, table: ModelTable, clock: Clock, carrier: Carrier) -> None:
        self._table = table
        self._clock = clock
        self._client = GeminiClient(provider="gemini", api_key=key, base_url=base_url, clock=clock, carrier=carrier)

    async def findings(self, probes: GeminiSet) -> AsyncGenerator[Finding, None]:
        """One that fails is the last."""
        try:
            listed = {
                (model.name or "").removeprefix("models/"): model
                for model in await self._client.transport.models(until=self._until())
            }
        except HttpRefusal as error:
            yield Finding(question="list of models", verdict=Verdict.FAILS, words=f"answered {error.status}")
            return
        except UNREADABLE as error:
            yield _unanswered("list of models", error)
            return
        for finding in self._of_list(listed):
            yield finding
        for probe in probes.probes:
            for model in probe.models:
                finding = await self._ask(probe, model, probes.answer_tokens)
                yield finding
                if finding.verdict is Verdict.FAILS:
                    return

    async def aclose(self) -> None:
        await self._client.aclose()

    def _until(self) -> float:
        return self._clock.monotonic() + SECONDS

    def _of_list(self, listed: dict[str, Model]) -> Iterator[Finding]:
        named = {name for row in self._table.rows for name in row.names if "*" not in name}
        now = self._clock.now()
        differing = []
        for name, model in sorted(listed.items()):
            facts = self._table.of(name, now)
            if "generateContent" not in (model.supported_generation_methods or ()) or not facts.tasks:
                continue
            if name.startswith("gemini-") and name not in named and not name.endswith("-latest"):
                differing.append(f"{name} is listed, and has no row")
            limit = model.input_token_limit
            if limit is not None and facts.context_length not in (None, limit):
                differing.append(f"{name} takes {limit} tokens, and {facts.context_length} by the data file")
        for name in sorted(named - listed.keys()):
            if self._table.end_of(name) is None and self._table.of(name, now).tasks:
                differing.append(f"{name} has a row, and is not listed for this key")
        if not differing:
            yield Finding(question="list of models", verdict=Verdict.AGREES, words=f"{len(listed)} models")
        for words in differing:
            yield Finding(question="list of models", verdict=Verdict.DIFFERS, words=words)

    async def _ask(self, probe: GeminiProbe, model: str, answer_tokens: int) -> Finding:
        question = f"{model}: {probe.says}"
        contents = [{"role": "user", "parts": [{"text": _PROMPT}]}]
        if probe.prefill is not None:
            contents.append({"role": "model", "parts": [{"text": probe.prefill}]})
        config = {**probe.send.get("generationConfig", {}), "maxOutputTokens": answer_tokens}
        body = {**probe.send, "contents": contents, "generationConfig": config}
        try:
            reply = await self._client.transport.answer(model, body, headers={}, until=self._until())
        except HttpRefusal as error:
            return self._refused(question, probe, model, error)
        except UNREADABLE as error:
            return _unanswered(question, error)
        usage = reply.usage_metadata
        thought = usage is not None and bool(usage.thoughts_token_count)
        if probe.without_thoughts and thought:
            return self._compared(question, probe, model, taken=False, seen="taken, and it thinks all the same")
        if (moved := self._moved(model, reply.model_version or "")) is not None:
            return Finding(question=question, verdict=Verdict.DIFFERS, words=moved)
        return self._compared(question, probe, model, taken=True, seen=f"taken by {reply.model_version}")

    def _refused(self, question: str, probe: GeminiProbe, model: str, error: HttpRefusal) -> Finding:
        if error.status in (401, 403) or b"API_KEY_INVALID" in error.body:
            return Finding(question=question, verdict=Verdict.FAILS, words="the key is refused")
        if error.status == 400:
            return self._compared(question, probe, model, taken=False, seen="refused")
        verdict = Verdict.DIFFERS if error.status == 404 else Verdict.OPEN
        return Finding(question=question, verdict=verdict, words=f"answered {error.status}")

    def _compared(self, question: str, probe: GeminiProbe, model: str, *, taken: bool, seen: str) -> Finding:
        expected = probe.expected(self._table.of(model, self._clock.now()))
        verdict = Verdict.AGREES if taken is expected else Verdict.DIFFERS
        known = "" if taken is expected else f"; {'taken' if expected else 'not taken'} by the data file"
        return Finding(question=question, verdict=verdict, words=seen + known)

    def _moved(self, model: str, answered: str) -> str | None:
        """What is wrong about the model that answered for another: no row, or one that takes less; None if nothing."""
        if answered in ("", model):
            return None
        now = self._clock.now()
        asked, other = self._table.of(model, now), self._table.of(answered, now)
        if not any(answered in row.names for row in self._table.rows):
            return f"answered by {answered}, which has no row"
        lacking = [level for level in asked.levels or () if level not in (other.levels or ())]
        return f"answered by {answered}, which does not take {', '.join(lacking)}" if lacking else None


def _unanswered(question: str, error: Exception) -> Finding:
    return Finding(question=question, verdict=Verdict.FAILS, words=f"no answer ({type(error).__name__})")
