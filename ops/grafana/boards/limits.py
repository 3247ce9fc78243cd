"""What the clients' quotas allow, and how they are kept."""

from panels import Board, Look, Panel, Row
from promql import rate, share, total

_DECISIONS = f"({rate('rate_limit_allowed_total')} + {rate('rate_limit_blocked_total')})"

LIMITS = Board(
    name="limits",
    title="LLM gateway: limits",
    description="What the clients' quotas allow, and how they are kept.",
    rows=[
        Row(
            "Quotas",
            [
                Panel(
                    title="Allowed and blocked",
                    description="Chats by what their client's quota said; blocked ones were answered 429.",
                    queries={"allowed": rate("rate_limit_allowed_total"), "blocked": rate("rate_limit_blocked_total")},
                    unit="reqps",
                    look=Look.STACK,
                ),
                Panel(
                    title="Part that is blocked",
                    description="Of all decisions.",
                    queries={"blocked": share(rate("rate_limit_blocked_total"), _DECISIONS)},
                    unit="percentunit",
                ),
            ],
        ),
        Row(
            "Refused",
            [
                Panel(
                    title="Refused by limits",
                    description="Over quota, not among the client's rights, or no room for another answer.",
                    queries={
                        "{{outcome}}": rate(
                            "gateway_requests_total", "outcome", where='outcome=~"QuotaExceeded|Forbidden|Overloaded"'
                        )
                    },
                    unit="reqps",
                ),
                Panel(
                    title="Refused as a store is away",
                    description="Quotas with REDIS_ABSENT_LIMITER=closed, and clients that are registered in Redis.",
                    queries={
                        "part of all": share(
                            rate("gateway_requests_total", where='outcome=~"LimiterUnavailable|DirectoryUnavailable"'),
                            rate("gateway_requests_total"),
                        )
                    },
                    unit="percentunit",
                ),
            ],
        ),
        Row(
            "How",
            [
                Panel(
                    title="How quotas are kept",
                    description="Instances by their way: `shared` in Redis, else as REDIS_ABSENT_LIMITER says. "
                    "Only with REDIS_URL.",
                    queries={"{{mode}}": total("gateway_limiter_mode", "mode")},
                    look=Look.STACK,
                ),
                Panel(
                    title="Answers under way",
                    description="What quotas of concurrency are about.",
                    queries={"under way": total("gateway_answers_under_way")},
                ),
                Panel(
                    title="Answers that wait",
                    description="Bytes that slow clients have not read; the slowest are cut at MAX_ANSWERS_BYTES.",
                    queries={"waiting": total("gateway_answers_waiting_bytes")},
                    unit="bytes",
                ),
            ],
        ),
    ],
)
