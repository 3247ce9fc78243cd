"""The settings as `check` shows them."""

from pathlib import Path

from llm_gateway.bootstrap.described import described
from llm_gateway.bootstrap.loading import SettingsRead
from llm_gateway.bootstrap.settings import Settings

TOML = """
cache_ttl_seconds = 120
gemini_api_key = "canary-of-toml"
[[clients]]
name = "team"
keys = ["canary-number-1", "canary-number-2"]
requests = { capacity = 10, refill_rate = 2.5 }
hints = ["local", "secure"]
[[endpoints]]
name = "near"
kind = "ollama"
model = "llama3.1"
base_url = "http://canary:canary@127.0.0.1:1/"
api_key = "canary-of-endpoint"
[routes]
fast = ["near", "gemini"]
[aliases]
gpt-4o-mini = "local"
"""


def lines(tmp_path: Path, toml: str = "", dotenv: str = "", *, demo: bool = False, **environ: str) -> list[str]:
    config, env = tmp_path / "gateway.toml", tmp_path / ".env"
    config.write_text(toml)
    env.write_text(dotenv)
    read = SettingsRead(config=config, environ=environ, dotenv=env, demo=demo)
    return [" ".join(line.split()).replace(str(config), "TOML") for line in described(read.settings, read.sources)]


def test_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    shown = lines(tmp_path, TOML, "PORT=9\nWORKERS=", PORT=" ", DRAIN_SECONDS="5", HOST="127.0.0.2")

    assert "HOST = 127.0.0.2 (environment)" in shown
    assert "DRAIN_SECONDS = 5.0 (environment)" in shown
    assert "CACHE_TTL_SECONDS = 120 (TOML)" in shown
    assert "PORT = 8000 (default)" in shown  # an empty variable hides what .env says, and is none
    assert "aliases[gpt-4o-mini] = local (TOML)" in shown
    assert "LOG_FORMAT = unset (default)" in shown
    assert "routes[fast] = near, gemini (TOML)" in shown
    assert "OLLAMA_MODEL = llama3.2 (.env)" in lines(tmp_path, dotenv="OLLAMA_MODEL=llama3.2")


def test_no_secret_is_shown_wherever_it_stands(tmp_path: Path) -> None:
    shown = lines(tmp_path, TOML, "METRICS_TOKEN=canary-of-dotenv", API_KEYS="canary-1-2-3,canary-4-5-6")

    assert "canary" not in "\n".join(shown)
    assert "API_KEYS = ***, *** (environment)" in shown
    assert (
        "clients[0] = name team; keys ***, ***; requests 10, refilled by 2.5 a second; hints local, secure; "
        "strict False (TOML)" in (shown)
    )
    assert (
        "endpoints[0] = name near; kind ollama; model llama3.1; base_url http://***@127.0.0.1:1/; api_key *** (TOML)"
        in (shown)
    )


def test_the_values_are_the_effective_ones(tmp_path: Path) -> None:
    assert "ALLOWED_HOSTS = 127.0.0.1, [::1], localhost (default)" in lines(tmp_path)
    assert "ALLOWED_HOSTS = any (default)" in lines(tmp_path, HOST="0.0.0.0")
    assert "API_KEYS = sk-gateway-123, the demonstration's (default)" in lines(tmp_path, demo=True)


def test_every_setting_is_there() -> None:
    names = {line.partition(" ")[0].lower() for line in described(Settings(), {})}

    assert names == {*Settings.__struct_fields__} - {
        "clients",
        "endpoints",
        "providers",
        "models",
        "prices",
        "routes",
        "aliases",
        "demo",
    }


def test_what_a_client_has_reserved_is_told(tmp_path: Path) -> None:
    bucket = '{ capacity = 9, refill_rate = 1, reserve = "upper_bound" }'
    table = f'[[clients]]\nname = "one"\nkeys = ["key-of-one"]\ntokens = {bucket}'
    (tmp_path / "gateway.toml").write_text(table)
    read = SettingsRead(config=tmp_path / "gateway.toml", environ={}, dotenv=None, demo=False)
    (line,) = (line for line in described(read.settings, read.sources) if line.startswith("clients[0]"))
    assert "tokens 9, refilled by 1 a second, upper_bound reserved" in line
