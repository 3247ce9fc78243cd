"""How the providers fare: calls, failures, latency, breakers and queues."""

from panels import Board, Look, Panel, Row
from promql import largest, quantile, rate, series, share, total

from .names import CALL, FIRST_EVENT

_BY_PROVIDER = "{{gen_ai_provider_name}}"
_BY_MODEL = "{{gen_ai_request_model}}"

PROVIDERS = Board(
    name="providers",
    title="LLM gateway: providers",
    description="How the providers fare: calls, failures, latency, breakers and queues.",
    rows=[
        Row(
            "Calls",
            [
                Panel(
                    title="Calls by provider",
                    description="Attempts, retries among them.",
                    queries={"{{provider}}": rate("provider_calls_total", "provider")},
                    unit="reqps",
                ),
                Panel(
                    title="Part of the calls that fail",
                    description="Of the attempts, before retries and fallback mend what they can.",
                    queries={
                        "{{provider}}": share(
                            rate("provider_failures_total", "provider"), rate("provider_calls_total", "provider")
                        )
                    },
                    unit="percentunit",
                ),
                Panel(
                    title="Failed calls by error",
                    description="The class of what ended the call.",
                    queries={
                        f"{_BY_PROVIDER} {{{{error_type}}}}": rate(
                            series(CALL, "count"), "gen_ai_provider_name", "error_type", where='error_type!=""'
                        )
                    },
                    unit="reqps",
                ),
            ],
        ),
        Row(
            "Why calls fail",
            [
                Panel(
                    title="Failed calls by status",
                    description="The provider's HTTP status; none where it gave none.",
                    queries={"{{provider}} {{status}}": rate("provider_errors_total", "provider", "status")},
                    unit="reqps",
                ),
                Panel(
                    title="Failed calls by reason",
                    description="The class of the failure, where it is known; ProviderFails says what to do.",
                    queries={
                        "{{provider}}/{{model}} {{reason}}": rate(
                            "provider_errors_total", "provider", "model", "reason"
                        )
                    },
                    unit="reqps",
                ),
            ],
        ),
        Row(
            "Latency",
            [
                Panel(
                    title="Time a call takes",
                    description="As long as the provider was waited for; the 95th percentile.",
                    queries={_BY_PROVIDER: quantile(0.95, CALL, "gen_ai_provider_name")},
                    unit="s",
                ),
                Panel(
                    title="Time to the first token",
                    description="Streamed calls, to their first event; the 95th percentile.",
                    queries={_BY_PROVIDER: quantile(0.95, FIRST_EVENT, "gen_ai_provider_name")},
                    unit="s",
                ),
                Panel(
                    title="Time for each token after it",
                    description="Streamed calls, by model; the median.",
                    queries={
                        _BY_MODEL: quantile(0.5, "gen_ai_server_time_per_output_token_seconds", "gen_ai_request_model")
                    },
                    unit="s",
                ),
            ],
        ),
        Row(
            "Health",
            [
                Panel(
                    title="Breakers",
                    description="An open breaker keeps calls from an endpoint that fails.",
                    queries={"{{provider}}/{{model}}": largest("gateway_breaker_state", "provider", "model")},
                    look=Look.STATES,
                    states=("closed", "half-open", "open"),
                ),
                Panel(
                    title="Faults to mend",
                    description="What an operator has to mend, as `/health/ready` tells.",
                    queries={"{{provider}}/{{model}}": largest("gateway_endpoint_fault", "provider", "model")},
                    look=Look.STATES,
                    states=("none", "fault"),
                ),
                Panel(
                    title="Out until a set time",
                    description="Not asked before a time that the vendor set, as for a quota of the day.",
                    queries={"{{provider}}/{{model}}": largest("gateway_endpoint_out", "provider", "model")},
                    look=Look.STATES,
                    states=("asked", "out"),
                ),
                Panel(
                    title="Answered by another model",
                    description="The vendor moved an alias since the start, or redirects a name.",
                    queries={"{{provider}}/{{model}}": largest("gateway_answered_by_other", "provider", "model")},
                    look=Look.STATES,
                    states=("as expected", "another"),
                ),
                Panel(
                    title="Calls that wait",
                    description="At a busy pool, and where one call is made after the other, as at the embedded model.",
                    queries={"{{provider}}": total("gateway_queue_depth", "provider")},
                ),
                Panel(
                    title="Time calls waited",
                    description="Where calls wait for their turn; the 95th percentile.",
                    queries={"{{provider}}": quantile(0.95, "gateway_queue_wait_seconds", "provider")},
                    unit="s",
                ),
            ],
        ),
    ],
)
