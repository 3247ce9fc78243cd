"""The gateway's own processes, and its Redis."""

from panels import Board, Look, Panel, Row, number
from promql import largest, quantile, rate, spread, total

SYSTEM = Board(
    name="system",
    title="LLM gateway: system",
    description="The gateway's own processes, and its Redis.",
    rows=[
        Row(
            "Now",
            [
                number("Instances", "That answer their scrapes.", total("up")),
                number("Workers", "Of all instances.", total("gateway_workers")),
                Panel(
                    title="Versions",
                    description="What runs, and on which Python.",
                    queries={"{{version}}, Python {{python}}": total("gateway_build_info", "version", "python")},
                    look=Look.NUMBER,
                ),
            ],
            height=4,
        ),
        Row(
            "Process",
            [
                Panel(
                    title="How late the event loop is",
                    description="To a timer; what is late to it is late to everything.",
                    queries=spread("gateway_event_loop_lag_seconds"),
                    unit="s",
                ),
                Panel(
                    title="Time a scrape takes",
                    description="Of the gateway's metrics, with every worker's.",
                    queries={"{{instance}}": largest("scrape_duration_seconds", "instance")},
                    unit="s",
                ),
                Panel(
                    title="Lines of the log that were dropped",
                    description="Because they could not be written fast enough.",
                    queries={"{{instance}}": rate("gateway_log_lines_dropped_total", "instance")},
                ),
                Panel(
                    title="Workers that hung",
                    description="Ended and replaced, because they gave no sign for HUNG_WORKER_SECONDS.",
                    queries={"{{instance}}": rate("gateway_workers_hung_total", "instance")},
                ),
            ],
        ),
        Row(
            "Redis",
            [
                Panel(
                    title="Calls to Redis",
                    description="Failed ones too.",
                    queries={"{{operation}}": rate("gateway_redis_duration_seconds_count", "operation")},
                    unit="reqps",
                ),
                Panel(
                    title="Time a call to Redis takes",
                    description="The 95th percentile.",
                    queries={"{{operation}}": quantile(0.95, "gateway_redis_duration_seconds", "operation")},
                    unit="s",
                ),
                Panel(
                    title="Stores that can't be used",
                    description="Instances, by store. `/health/ready` says why.",
                    queries={"{{store}}": total("gateway_redis_unusable", "store")},
                ),
                Panel(
                    title="Calls to Redis that failed",
                    description="The gateway goes on without it, as REDIS_ABSENT_LIMITER says.",
                    queries={"{{operation}}": rate("gateway_redis_failures_total", "operation")},
                    unit="reqps",
                ),
            ],
        ),
    ],
)
