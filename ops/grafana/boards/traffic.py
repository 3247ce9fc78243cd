"""What is asked, how it ends, and how long it takes."""

from panels import Board, Look, Panel, Row, number
from promql import quantile, rate, share, spread, total

from .names import FIRST_EVENT

_HTTP = "http_server_request_duration_seconds"
_LOOKUPS = f"({rate('cache_hits_total')} + {rate('cache_misses_total')})"
_DECISIONS = f"({rate('rate_limit_allowed_total')} + {rate('rate_limit_blocked_total')})"

TRAFFIC = Board(
    name="traffic",
    title="LLM gateway: traffic",
    description="What is asked, how it ends, and how long it takes.",
    rows=[
        Row(
            "Now",
            [
                number("HTTP requests", "Answered a second, on every path.", rate(f"{_HTTP}_count"), "reqps"),
                number(
                    "Server errors",
                    "Part of the answers with a status of 500 and above.",
                    share(rate(f"{_HTTP}_count", where='http_response_status_code=~"5.."'), rate(f"{_HTTP}_count")),
                    "percentunit",
                ),
                number(
                    "First token, p95",
                    "Streamed calls to providers, until their first event.",
                    quantile(0.95, FIRST_EVENT),
                    "s",
                ),
                number(
                    "From the cache",
                    "Part of the chats that the cache answered.",
                    share(rate("cache_hits_total"), _LOOKUPS),
                    "percentunit",
                ),
                number(
                    "Over quota",
                    "Part of the chats that were answered 429.",
                    share(rate("rate_limit_blocked_total"), _DECISIONS),
                    "percentunit",
                ),
                number("Under way", "Chats that are being answered.", total("gateway_answers_under_way")),
            ],
            height=4,
        ),
        Row(
            "Chats",
            [
                Panel(
                    title="Chats by outcome",
                    description="`answered`, `left` by a client that went away, or the class of the error.",
                    queries={"{{outcome}}": rate("gateway_requests_total", "outcome")},
                    unit="reqps",
                    look=Look.STACK,
                ),
                Panel(
                    title="Chats that failed",
                    description="By the class of the error; a client's own mistakes are among them.",
                    queries={
                        "{{outcome}}": rate("gateway_requests_total", "outcome", where='outcome!~"answered|left"')
                    },
                    unit="reqps",
                ),
            ],
        ),
        Row(
            "HTTP",
            [
                Panel(
                    title="Answers by status",
                    description="Every path; 499 is a client that left before the answer.",
                    queries={"{{http_response_status_code}}": rate(f"{_HTTP}_count", "http_response_status_code")},
                    unit="reqps",
                    look=Look.STACK,
                ),
                Panel(
                    title="Answers by path",
                    description="`unmatched` is what the gateway has no path for.",
                    queries={"{{http_route}}": rate(f"{_HTTP}_count", "http_route")},
                    unit="reqps",
                ),
                Panel(
                    title="Server errors by path",
                    description="Which door their clients came to: answers with a status of 500 and above.",
                    queries={
                        "{{http_route}} {{http_response_status_code}}": rate(
                            f"{_HTTP}_count",
                            "http_route",
                            "http_response_status_code",
                            where='http_response_status_code=~"5.."',
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
                    title="Time to the end of the answer",
                    description="Every path, streams to their last byte.",
                    queries=spread(_HTTP),
                    unit="s",
                ),
                Panel(
                    title="Time to the end of the answer, by path",
                    description="The 95th percentile.",
                    queries={"{{http_route}}": quantile(0.95, _HTTP, "http_route")},
                    unit="s",
                ),
                Panel(
                    title="HTTP requests under way",
                    description="Chats and everything else.",
                    queries={"under way": total("http_server_active_requests")},
                ),
            ],
        ),
    ],
)
