"""Anthropic's surface: messages, the count of their tokens, and the errors of its family."""
