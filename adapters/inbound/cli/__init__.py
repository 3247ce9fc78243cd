"""The command line: `llm-gateway serve`, `chat`, `check`, `explain` and `keys`."""
