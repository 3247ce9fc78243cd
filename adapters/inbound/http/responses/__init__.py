"""OpenAI's responses: the surface of Codex and of what is built on its newer clients."""
