"""Ollama: chats and embeddings with models on the premises, or with the ones that it passes on to a cloud."""
