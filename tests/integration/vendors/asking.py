"""Which vendors there are to ask, and what is said of their answers."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing

from llm_gateway.adapters.outbound.gemini.client import Carrier
from llm_gateway.adapters.outbound.gemini.models import PACKAGED
from llm_gateway.adapters.outbound.ollama import addresses
from llm_gateway.application.ports.system import Clock
from llm_gateway.application.probe_model import Finding, Verdict
from llm_gateway.bootstrap.settings import Settings

from .ask_gemini import GeminiVendor
from .ask_ollama import OllamaVendor
from .probe_set import PROBES


async def ask_vendors(environ: Mapping[str, str], say: Callable[[str], None], clock: Clock) -> bool:
    """Ask Gemini where there is a key, and an Ollama where one is named or answers. Says what it will cost before.

    False where a vendor differs from what is known of it, or one that is configured does not answer.
    """
    gemini = await _ask_gemini(environ, say, clock)
    ollama = await _ask_ollama(environ, say, clock)
    if gemini is None and ollama is None:
        say("There is no vendor to ask.")
    return gemini is not False and ollama is not False


async def _ask_gemini(environ: Mapping[str, str], say: Callable[[str], None], clock: Clock) -> bool | None:
    key = environ.get("GEMINI_API_KEY")
    if not key:
        say("gemini: GEMINI_API_KEY is not set, so it is not asked.")
        return None
    say(f"gemini: {PROBES.gemini.calls} calls, and at most {PROBES.gemini.tokens} tokens in all.")
    async with AsyncExitStack() as stack:
        carrier: Carrier = "rest" if environ.get("GEMINI_TRANSPORT") == "rest" else "sdk"
        vendor = GeminiVendor(key, environ.get("GEMINI_BASE_URL"), PACKAGED.table, clock, carrier)
        stack.push_async_callback(vendor.aclose)
        return _passes(await _told("gemini", vendor.findings(PROBES.gemini), say))


async def _ask_ollama(environ: Mapping[str, str], say: Callable[[str], None], clock: Clock) -> bool | None:
    named = environ.get("OLLAMA_BASE_URL")
    url, model = named or addresses.DEFAULT_URL, environ.get("OLLAMA_MODEL") or Settings().ollama_model
    say(f"ollama: {PROBES.ollama.calls} calls, and at most {PROBES.ollama.tokens} tokens in all, of {model}.")
    async with AsyncExitStack() as stack:
        vendor = OllamaVendor(url, model, clock)
        stack.push_async_callback(vendor.aclose)
        absent = None if named else f"ollama: OLLAMA_BASE_URL is not set, and nothing answers at {url}."
        findings = await _told("ollama", vendor.findings(PROBES.ollama), say, absent)
    return _passes(findings) if findings else None


async def _told(
    vendor: str, findings: AsyncGenerator[Finding, None], say: Callable[[str], None], absent: str | None = None
) -> list[Finding]:
    """`absent` is said of a vendor that need not be there, where the first call fails."""
    told: list[Finding] = []
    async with aclosing(findings):
        async for finding in findings:
            if absent is not None and not told and finding.verdict is Verdict.FAILS:
                say(absent)
                return []
            say(f"{vendor}: {finding.verdict}  {finding.question}: {finding.words}")
            told.append(finding)
    if told[-1].verdict is Verdict.FAILS:
        say(f"{vendor}: what is left is not asked.")
    return told


def _passes(findings: list[Finding]) -> bool:
    return all(finding.verdict in (Verdict.AGREES, Verdict.OPEN) for finding in findings)
