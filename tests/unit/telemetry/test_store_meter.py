"""What shared stores are asked is counted, and how quotas are kept is told once it is known."""

from llm_gateway.adapters.outbound.telemetry.instruments import Instruments
from llm_gateway.adapters.outbound.telemetry.store_meter import TelemetryStoreMeter
from llm_gateway.domain.quota import LimiterMode

from .test_metrics import labelled, values


def test_calls_are_counted_with_their_time_and_their_failures() -> None:
    instruments = Instruments()
    meter = TelemetryStoreMeter(instruments)
    meter.called("take", 0.001, False)
    meter.called("take", 0.1, True)
    seen = values(instruments)
    instruments.close()
    assert seen[labelled("gateway_redis_duration_seconds_count", operation="take")] == 2
    assert seen[labelled("gateway_redis_duration_seconds_sum", operation="take")] == 0.101
    assert seen[labelled("gateway_redis_failures_total", operation="take")] == 1


def test_a_store_is_told_of_once_it_is_known_whether_it_can_be_used() -> None:
    instruments = Instruments()
    meter = TelemetryStoreMeter(instruments)
    assert not any(series.startswith("gateway_redis_unusable") for series in values(instruments))
    for usable in (False, True):
        meter.usable("redis", usable)
        assert values(instruments)[labelled("gateway_redis_unusable", store="redis")] == (not usable)
    instruments.close()


def test_the_limiters_mode_is_not_there_before_a_charge_and_then_one_of_four() -> None:
    instruments = Instruments()
    meter = TelemetryStoreMeter(instruments)
    assert not any(series.startswith("gateway_limiter_mode") for series in values(instruments))
    for mode, name in ((LimiterMode.EXACT, "shared"), (LimiterMode.LOCAL, "local"), (LimiterMode.OPEN, "open")):
        meter.limiter(mode)
        modes = {series: value for series, value in values(instruments).items() if "limiter_mode" in series}
        assert len(modes) == 4
        assert [series for series, value in modes.items() if value] == [labelled("gateway_limiter_mode", mode=name)]
    instruments.close()
