"""Ollama's own surface, where the operator opens it: chats, completions of a prompt, embeddings and models."""
