"""OpenAI's surface, under `/v1`: chat completions, embeddings and models."""
