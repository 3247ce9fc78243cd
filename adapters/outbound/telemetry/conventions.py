"""OpenTelemetry's GenAI conventions: their names for what is called otherwise here."""

from llm_gateway.domain.routing import Task

OPERATIONS = {Task.CHAT: "chat", Task.EMBED: "embeddings"}
PROVIDERS = {"gemini": "gcp.gemini"}
"""Of `gen_ai.provider.name`: the conventions' names, where they differ from the configuration's."""
