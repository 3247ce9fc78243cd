"""The host's own domain: the gateway's is `llm_gateway.domain`, and the two don't meet."""

GREETING = "Answer in one sentence: "
