"""OpenTelemetry's GenAI conventions: the words that they have for what we call otherwise."""

from llm_gateway.domain.routing import Task

OPERATIONS = {Task.CHAT: "chat", Task.EMBED: "embeddings"}
_PROVIDERS = {"gemini": "gcp.gemini"}


def provider_name(provider: str) -> str:
    """For `gen_ai.provider.name`: the conventions' name where they have one, else the configuration's."""
    return _PROVIDERS.get(provider, provider)
