"""OpenTelemetry's GenAI conventions: the words that they have for what we call otherwise."""

from llm_gateway.domain.routing import Task

OPERATIONS = {Task.CHAT: "chat", Task.EMBED: "embeddings"}
PROVIDERS = {"gemini": "gcp.gemini"}
"""Of `gen_ai.provider.name`: the conventions' names, where they differ from the configuration's."""
