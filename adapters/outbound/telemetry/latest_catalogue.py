"""The metrics by the names of the GenAI conventions' v0.1.0: with the opt-in, in the place of `RENAMED`."""

from functools import partial

from .catalogue import FIRST_TOKEN, GEN_AI, OPERATION_DURATION, TOKEN_USAGE, TOKENS, Kind, Metric

_SECONDS = tuple(0.01 * 2**power for power in range(14))
_USED = (*GEN_AI, "gen_ai.token.modality")
_ENDED = (*GEN_AI, "error.type")
_seconds = partial(Metric, Kind.HISTOGRAM, unit="s", bounds=_SECONDS)
_tokens_of_a_call = partial(Metric, Kind.HISTOGRAM, unit="{token}", bounds=TOKENS)
_tokens = partial(Metric, Kind.COUNTER, unit="{token}", attributes=_USED)

INFERENCE_DURATION = _seconds(
    "gen_ai.client.inference.duration", "Chats at providers, as long as the provider was waited for", _ENDED
)
FIRST_CHUNK = _seconds(
    "gen_ai.client.inference.time_to_first_chunk", "Streamed chats at providers, to their first event", GEN_AI
)
INPUT_TOKENS = _tokens("gen_ai.client.inference.usage.input_tokens", "Tokens of prompts that providers counted")
OUTPUT_TOKENS = _tokens("gen_ai.client.inference.usage.output_tokens", "Tokens of answers that providers counted")
CACHED_TOKENS = _tokens(
    "gen_ai.client.inference.usage.cache_read.input_tokens", "Tokens of prompts that came from providers' own caches"
)
REASONING_TOKENS = _tokens(
    "gen_ai.client.inference.usage.reasoning.output_tokens", "Tokens of answers that were spent on reasoning"
)
INPUT_OF_A_CALL = _tokens_of_a_call(
    "gen_ai.client.inference.operation.input_tokens",
    "Tokens of the prompt of a call; 0 where none were counted",
    _ENDED,
)
OUTPUT_OF_A_CALL = _tokens_of_a_call(
    "gen_ai.client.inference.operation.output_tokens",
    "Tokens of the answer of a call; 0 where none were counted",
    _ENDED,
)
EMBEDDINGS_DURATION = _seconds(
    "gen_ai.client.embeddings.duration", "Embeddings at providers, as long as the provider was waited for", _ENDED
)
INPUT_OF_EMBEDDINGS = _tokens_of_a_call(
    "gen_ai.client.embeddings.operation.input_tokens", "Tokens of the texts of a call, where they were counted", GEN_AI
)

RENAMED = (OPERATION_DURATION, TOKEN_USAGE, FIRST_TOKEN)
"""Those of the catalogue that are not there beside these."""

LATEST_CATALOGUE = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric) and value not in RENAMED
)
"""All of the above, in the order of the page."""
