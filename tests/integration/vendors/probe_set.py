"""The probe set: what is sent to a vendor, and what the vendor's data file lets expect of it."""

from pathlib import Path
from typing import Any, Final

from msgspec import Struct, toml

from llm_gateway.application.model_facts import ModelFacts

MOST_CALLS: Final = 20
MOST_TOKENS: Final = 5_000


class GeminiProbe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call for each of the models. `without_thoughts`: an answer for which the model thought is none."""

    says: str
    models: tuple[str, ...]
    fact: str | None = None
    value: str | None = None
    send: dict[str, Any] = {}
    prefill: str | None = None
    without_thoughts: bool = False

    def expected(self, facts: ModelFacts) -> bool:
        """Whether the model takes it, by what is known of it."""
        if self.fact is None:
            return True
        known = getattr(facts, self.fact)
        return bool(known) if self.value is None else self.value in (known or ())


class OllamaProbe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call. `json`: the answer has to be JSON."""

    says: str
    capability: str | None = None
    send: dict[str, Any] = {}
    json: bool = False


class GeminiSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens are for each call, at most."""

    answer_tokens: int
    prompt_tokens: int
    probes: tuple[GeminiProbe, ...]

    @property
    def calls(self) -> int:
        """With the one that lists the models."""
        return 1 + sum(len(probe.models) for probe in self.probes)

    @property
    def tokens(self) -> int:
        return (self.calls - 1) * (self.answer_tokens + self.prompt_tokens)


class OllamaSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens are for each call, at most."""

    answer_tokens: int
    prompt_tokens: int
    probes: tuple[OllamaProbe, ...]

    @property
    def calls(self) -> int:
        """With those that list the models, and show one."""
        return 2 + len(self.probes)

    @property
    def tokens(self) -> int:
        return len(self.probes) * (self.answer_tokens + self.prompt_tokens)


class ProbeSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    gemini: GeminiSet
    ollama: OllamaSet


PROBES: Final = toml.decode(Path(__file__).with_name("probes.toml").read_bytes(), type=ProbeSet)
