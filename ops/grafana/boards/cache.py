"""What the cache answers, and what that spares."""

from panels import Board, Look, Panel, Row, number
from promql import grown, rate, share

_LOOKUPS = f"({rate('cache_hits_total')} + {rate('cache_misses_total')})"

CACHE = Board(
    name="cache",
    title="LLM gateway: cache",
    description="What the cache answers, and what that spares.",
    rows=[
        Row(
            "In the time shown",
            [
                number("Answers", "Chats that the cache answered.", grown("cache_hits_total")),
                number(
                    "Tokens", "What the providers did not have to count.", grown("gateway_cache_saved_tokens_total")
                ),
                number(
                    "Waiting",
                    "What those answers had taken their providers.",
                    grown("gateway_cache_saved_seconds_total"),
                    "s",
                ),
            ],
            height=4,
        ),
        Row(
            "Rates",
            [
                Panel(
                    title="Part that the cache answers",
                    description="Of the chats that looked; those with `bypass` did not.",
                    queries={"from the cache": share(rate("cache_hits_total"), _LOOKUPS)},
                    unit="percentunit",
                ),
                Panel(
                    title="Hits and misses",
                    description="A chat that joined another's flight is a miss.",
                    queries={"hits": rate("cache_hits_total"), "misses": rate("cache_misses_total")},
                    unit="reqps",
                    look=Look.STACK,
                ),
            ],
        ),
        Row(
            "Spared",
            [
                Panel(
                    title="Tokens spared a second",
                    description="Of answers that came from the cache.",
                    queries={"tokens": rate("gateway_cache_saved_tokens_total")},
                ),
                Panel(
                    title="Waiting spared a second",
                    description="Seconds that the stored answers had taken their providers.",
                    queries={"seconds": rate("gateway_cache_saved_seconds_total")},
                    unit="s",
                ),
            ],
        ),
    ],
)
