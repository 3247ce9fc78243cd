"""The metrics that have another name with OTEL_SEMCONV_STABILITY_OPT_IN, by all of their names."""

CALL = (
    "gen_ai_client_operation_duration_seconds",
    "gen_ai_client_inference_duration_seconds",
    "gen_ai_client_embeddings_duration_seconds",
)
FIRST_EVENT = ("gen_ai_server_time_to_first_token_seconds", "gen_ai_client_inference_time_to_first_chunk_seconds")
INPUT_OF_A_CALL = (
    "gen_ai_client_inference_operation_input_tokens",
    "gen_ai_client_embeddings_operation_input_tokens",
)
OUTPUT_OF_A_CALL = ("gen_ai_client_inference_operation_output_tokens",)
