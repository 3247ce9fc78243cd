"""What the providers counted, what it cost, and what the cache spared."""

from panels import Board, Look, Panel, Row, number
from promql import grown, quantile, rate

from .names import INPUT_OF_A_CALL, OUTPUT_OF_A_CALL


def _usage(kind: str, latest: tuple[str, ...]) -> str:
    where = f'gen_ai_token_type="{kind}"'
    former = quantile(0.95, "gen_ai_client_token_usage", "gen_ai_request_model", where=where)
    return f"{former} or {quantile(0.95, latest, 'gen_ai_request_model')}"


TOKENS = Board(
    name="tokens",
    title="LLM gateway: tokens",
    description="What the providers counted, what it cost, and what the cache spared.",
    rows=[
        Row(
            "In the time shown",
            [
                number("Prompt", "Tokens that were read.", grown("gateway_tokens_total", where='type="prompt"')),
                number(
                    "Completion", "Tokens that were written.", grown("gateway_tokens_total", where='type="completion"')
                ),
                number("Spared", "Tokens of answers from the cache.", grown("gateway_cache_saved_tokens_total")),
            ],
            height=4,
        ),
        Row(
            "Rates",
            [
                Panel(
                    title="Tokens a second, by kind",
                    description="`reasoning` is a part of `completion`, and `cached` a part of `prompt`.",
                    queries={"{{type}}": rate("gateway_tokens_total", "type")},
                ),
                Panel(
                    title="Tokens a second, by provider",
                    description="Prompt and completion together.",
                    queries={
                        "{{provider}}": rate("gateway_tokens_total", "provider", where='type=~"prompt|completion"')
                    },
                    look=Look.STACK,
                ),
            ],
        ),
        Row(
            "Cost",
            [
                number("Cost", "By known prices.", grown("gateway_cost_dollars_total"), "currencyUSD"),
                Panel(
                    title="Dollars an hour, by model",
                    description="What calls cost by the known prices, at the rate of the moment.",
                    queries={
                        "{{provider}}/{{model}}": f"3600 * {rate('gateway_cost_dollars_total', 'provider', 'model')}"
                    },
                    unit="currencyUSD",
                    look=Look.STACK,
                ),
                Panel(
                    title="Calls of unknown cost",
                    description="Without a price, which `[[prices]]` can state, or without a count of what was used.",
                    queries={"{{provider}}/{{model}}": rate("gateway_cost_unknown_total", "provider", "model")},
                    unit="reqps",
                ),
            ],
        ),
        Row(
            "A call",
            [
                Panel(
                    title="Prompt of a call",
                    description="Tokens, by model; the 95th percentile.",
                    queries={"{{gen_ai_request_model}}": _usage("input", INPUT_OF_A_CALL)},
                ),
                Panel(
                    title="Completion of a call",
                    description="Tokens, by model; the 95th percentile.",
                    queries={"{{gen_ai_request_model}}": _usage("output", OUTPUT_OF_A_CALL)},
                ),
            ],
        ),
    ],
)
