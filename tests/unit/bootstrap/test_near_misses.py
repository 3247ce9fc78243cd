"""Which variables are told to be a setting's name misspelt."""

import pytest

from llm_gateway.bootstrap.near_misses import near_misses
from llm_gateway.bootstrap.settings import Settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RATE_LIMITER_CAPCITY", "RATE_LIMITER_CAPACITY"),
        ("RATELIMITER_CAPACITY", "RATE_LIMITER_CAPACITY"),
        ("rate_limiter_capacity", "RATE_LIMITER_CAPACITY"),
        ("API_KEY", "API_KEYS"),
        ("WORKER", "WORKERS"),
        ("GEMINI_APIKEY", "GEMINI_API_KEY"),
        ("OLLAMA_BASEURL", "OLLAMA_BASE_URL"),
        ("ALOWED_HOSTS", "ALLOWED_HOSTS"),
        ("OTEL_EXPORTER_OTLP_ENDPIONT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_a_name_that_is_nearly_a_setting_s_is_told(name: str, meant: str) -> None:
    assert list(near_misses([name, "PATH"], [])) == [f"{name}: is no setting; did you mean {meant}?"]
    assert list(near_misses([name], [meant.lower()])) == []


def test_other_programs_variables_and_the_settings_themselves_are_left_in_peace() -> None:
    others = (
        *("HOME", "HOSTNAME", "HOSTTYPE", "SHELL", "LANG", "GOOGLE_API_KEY", "OLLAMA_HOST", "OLLAMA_MODELS"),
        *("OLLAMA_NUM_PARALLEL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "REDIS_HOST"),
        *("OTEL_SERVICE_NAME", "CLIENTS", "MODELS", "ROUTES", "ROUTE", "LLM_GATEWAY_API_KEY", "SSH_CLIENT", "DISPLAY"),
    )

    assert list(near_misses([*others, *map(str.upper, Settings.__struct_fields__)], [])) == []
