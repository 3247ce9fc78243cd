"""Any server that speaks OpenAI's API, as a provider: one adapter, its dialects as data."""
