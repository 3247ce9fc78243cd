"""Where an Ollama server listens unless told otherwise."""

DEFAULT_URL = "http://localhost:11434"
