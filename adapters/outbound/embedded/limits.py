"""What the embedded model is called, and how much of it there is."""

PROVIDER = "embedded"

CONTEXT_LENGTH = 4096
"""Tokens of prompt and answer together. One thread reads some 100 a second, so a longer prompt would be read for
minutes, and 8,192 would take 94 MiB more."""

OUTPUT_LIMIT = 1024

LONGEST_PROMPT_BYTES = 16 * CONTEXT_LENGTH
"""Text has about 4 bytes a token, so what is longer than this is far beyond the context."""

BATCH_TOKENS = 64
"""A prompt is read in steps of so many tokens, and can be stopped after each: well under a second."""

MAX_WAITING = 8
"""Requests that may stand in line behind the one that is being answered."""

FIRST_GUESS_SECONDS = 5.0
"""How long an answer is taken to last until one was timed."""
