"""Settings: where they are read, which win, and that every fault is named at once."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from llm_gateway import Secret, Settings, SettingsError, load_settings
from llm_gateway.bootstrap import kinds
from llm_gateway.bootstrap.alias_rules import alias_warnings
from llm_gateway.bootstrap.configured_clients import clients_of
from llm_gateway.bootstrap.loading import SettingsRead
from llm_gateway.bootstrap.reference import configuration_page, env_example
from llm_gateway.bootstrap.settings import ClientSettings, EndpointSettings, ProviderSettings, TokenSettings
from llm_gateway.bootstrap.settings_rules import otlp_headers, serving_faults
from llm_gateway.domain.clients import digest_of
from llm_gateway.domain.quota import Bucket, Reserve
from llm_gateway.domain.routing import Hint

ROOT = Path(__file__).parents[3]


def load(tmp_path: Path, toml: str = "", *, dotenv: str = "", demo: bool = False, **environ: str) -> Settings:
    (tmp_path / "gateway.toml").write_text(toml)
    (tmp_path / ".env").write_text(dotenv)
    return load_settings(config=tmp_path / "gateway.toml", environ=environ, dotenv=tmp_path / ".env", demo=demo)


def faults(tmp_path: Path, toml: str = "", *, demo: bool = False, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml, demo=demo, **environ)
    return caught.value.faults


CONTRACT = {
    "API_KEYS": (),
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "WORKERS": 1,
    "PROVIDER_TIMEOUT_SECONDS": 600,
    "OLLAMA_LOAD_TIMEOUT_SECONDS": 300,
    "PROVIDER_FIRST_TOKEN_TIMEOUT_SECONDS": 120,
    "PROVIDER_FALLBACK_FIRST_TOKEN_SECONDS": 30,
    "PROVIDER_IDLE_TIMEOUT_SECONDS": 60,
    "PROVIDER_TOOL_SILENCE_SECONDS": 300,
    "PROVIDER_STREAM_SECONDS": 3600,
    "PROVIDER_MAX_RETRIES": 3,
    "CACHE_TTL_SECONDS": 60,
    "CACHE_SAMPLED": "native",
    "RATE_LIMITER_CAPACITY": 5,
    "RATE_LIMITER_REFILL_RATE": 1.0,
    "TOKEN_RESERVATION_OUTPUT": 1024,
    "REDIS_URL": None,
    "CACHE_REDIS_URL": None,
    "REDIS_ABSENT_LIMITER": "local",
    "EXPECTED_REPLICAS": 1,
    "GEMINI_API_KEY": None,
    "GEMINI_MODEL": "gemini-flash-latest",
    "GEMINI_BASE_URL": None,
    "OLLAMA_BASE_URL": None,
    "OLLAMA_MODEL": "llama3.1",
    "OLLAMA_NUM_CTX": None,
    "OLLAMA_KEEP_ALIVE": None,
    "EMBEDDED_MODEL_PATH": None,
    "MAX_BODY_BYTES": 32 << 20,
    "MAX_BODIES_BYTES": 256 << 20,
    "MAX_ANSWER_BYTES": 8 << 20,
    "MAX_ANSWERS": 4096,
    "MAX_ANSWERS_BYTES": 256 << 20,
    "KEEP_ALIVE_SECONDS": 75,
    "HUNG_WORKER_SECONDS": 30,
    "DRAIN_SECONDS": 30,
    "METRICS_TOKEN": None,
    "LOG_FORMAT": None,
}


def test_the_defaults_stand_where_nothing_is_set(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert settings == Settings()
    assert {name: getattr(settings, name.lower()) for name in CONTRACT} == CONTRACT
    assert settings.hosts == frozenset(("localhost", "127.0.0.1", "[::1]"))


def test_the_environment_wins_over_dotenv_and_dotenv_over_toml(tmp_path: Path) -> None:
    toml = "port = 1\nworkers = 1\ncache_ttl_seconds = 1"
    settings = load(tmp_path, toml, dotenv="PORT=2\nCACHE_TTL_SECONDS=2", PORT="3")
    assert (settings.port, settings.cache_ttl_seconds, settings.workers) == (3, 2, 1)


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, PORT="", API_KEYS=" ") == Settings()


def test_lists_are_separated_by_commas(tmp_path: Path) -> None:
    settings = load(tmp_path, API_KEYS="key-number-1, key-number-2,", ALLOWED_HOSTS="A.example,b.example")
    assert settings.api_keys == (Secret("key-number-1"), Secret("key-number-2"))
    assert settings.hosts == frozenset(("a.example", "b.example"))


def test_every_fault_is_named_at_once_and_begins_with_its_name(tmp_path: Path) -> None:
    toml = "colour = 3\nport = 'x'\n[[clients]]\nname = 'a'\nkeys = []\n[routes]\nlocal = ['nowhere']"
    found = faults(
        tmp_path,
        toml,
        PROVIDER_TIMEOUT_SECONDS="0",
        PROVIDER_MAX_RETRIES="11",
        CACHE_TTL_SECONDS="-1",
        RATE_LIMITER_REFILL_RATE="0",
        WORKERS="2",
        REDIS_ABSENT_LIMITER="maybe",
        MAX_BODY_BYTES="many",
    )
    names = [fault.partition(":")[0] for fault in found]
    assert sorted(names) == sorted(
        [
            "colour",
            "port",
            "clients[0].keys",
            "routes.local",
            "PROVIDER_TIMEOUT_SECONDS",
            "PROVIDER_MAX_RETRIES",
            "CACHE_TTL_SECONDS",
            "RATE_LIMITER_REFILL_RATE",
            "WORKERS",
            "REDIS_ABSENT_LIMITER",
            "MAX_BODY_BYTES",
        ]
    )
    assert "PROVIDER_TIMEOUT_SECONDS: must be a number from 1 to 86400" in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("WORKERS", "0"),
        ("PROVIDER_FIRST_TOKEN_TIMEOUT_SECONDS", "86401"),
        ("PROVIDER_IDLE_TIMEOUT_SECONDS", "0.5"),
        ("PROVIDER_MAX_RETRIES", "-1"),
        ("CACHE_TTL_SECONDS", "2592001"),
        ("RATE_LIMITER_CAPACITY", "0"),
        ("RATE_LIMITER_CAPACITY", "1.5"),
        ("TOKEN_RESERVATION_OUTPUT", "0"),
        ("RATE_LIMITER_REFILL_RATE", "-1"),
        ("RATE_LIMITER_REFILL_RATE", "nan"),
        ("RATE_LIMITER_REFILL_RATE", "inf"),
        ("EXPECTED_REPLICAS", "0"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_value_out_of_range_is_a_fault(tmp_path: Path, name: str, value: str) -> None:
    (fault,) = faults(tmp_path, demo=False, **{name: value})
    assert fault.startswith(name.removesuffix("_CAPACITY").removesuffix("_REFILL_RATE"))


PATIENCE = [
    "PROVIDER_TIMEOUT_SECONDS",
    "PROVIDER_FIRST_TOKEN_TIMEOUT_SECONDS",
    "PROVIDER_FALLBACK_FIRST_TOKEN_SECONDS",
    "PROVIDER_IDLE_TIMEOUT_SECONDS",
    "PROVIDER_TOOL_SILENCE_SECONDS",
    "PROVIDER_STREAM_SECONDS",
]


@pytest.mark.parametrize("name", PATIENCE)
def test_a_model_may_be_waited_for_up_to_a_day(tmp_path: Path, name: str) -> None:
    for value in ("1", "86400"):
        assert getattr(load(tmp_path, demo=False, **{name: value}), name.lower()) == float(value)
    for value in ("0.9", "86401", "1e9", "inf", "nan"):
        assert faults(tmp_path, demo=False, **{name: value}) == [f"{name}: must be a number from 1 to 86400"]


@pytest.mark.parametrize(
    "key", ["first_token_timeout_seconds", "idle_timeout_seconds", "tool_silence_seconds", "stream_seconds"]
)
def test_an_endpoint_may_be_waited_for_up_to_a_day(tmp_path: Path, key: str) -> None:
    row = f"[[endpoints]]\nname = 'near'\nkind = 'ollama'\nmodel = 'm'\n{key} = "
    assert getattr(load(tmp_path, row + "86400").endpoints[0], key) == 86_400
    assert getattr(load(tmp_path, "[[endpoints]]\nname = 'n'\nkind = 'ollama'\nmodel = 'm'").endpoints[0], key) is None
    assert faults(tmp_path, row + "86401") == [f"endpoints[0].{key}: must be a number from 1 to 86400"]


def test_every_fault_of_a_table_names_its_key_and_what_may_stand_there(tmp_path: Path) -> None:
    toml = """
        [[clients]]
        name = "two words"
        keys = []
        hint = ["secure"]
        hints = ["securest"]
        requests = { capacity = 0 }
        tokens = 5
        [[endpoints]]
        kind = "other"
        model = 1
        [routes]
        fats = ["ollama"]
        fast = "ollama"
    """
    name = "up to 64 letters, digits, dots, dashes and underscores"
    assert faults(tmp_path, toml) == [
        "clients[0].hint: is not a setting",
        f"clients[0].name: must be {name}",
        "clients[0].keys: must be a list of at least one, each text",
        "clients[0].requests.capacity: must be a whole number from 1 to 1000000000",
        "clients[0].requests.refill_rate: is required",
        "clients[0].tokens: must be a table of capacity and refill_rate",
        "clients[0].hints: must be a list, each one of online, fast, local, secure",
        "endpoints[0].name: is required",
        "endpoints[0].kind: must be one of gemini, ollama, openai",
        "endpoints[0].model: must be text",
        "routes.fats: is no hint, which are online, fast, local, secure",
        "routes.fast: must be a list, each text",
    ]


def test_each_pattern_is_told_in_words_of_its_own(tmp_path: Path) -> None:
    origin = "a scheme and a host, with nothing after it but a port, such as https://app.example"
    assert faults(tmp_path, CORS_ORIGINS="https://app.example/") == [f"CORS_ORIGINS: must be a list, each {origin}"]
    location = "GEMINI_VERTEX_LOCATION: must be small letters, digits and dashes"
    assert location in faults(tmp_path, GEMINI_VERTEX_LOCATION="US East")


@pytest.mark.parametrize("table", ["clients", "endpoints"])
def test_a_list_of_tables_is_written_as_one(tmp_path: Path, table: str) -> None:
    assert faults(tmp_path, f"{table} = ['x']") == [f"{table}: is a list of tables, written [[{table}]]"]
    assert faults(tmp_path, f"[{table}]\nname = 'x'") == [f"{table}: is a list of tables, written [[{table}]]"]


def test_routes_are_a_table(tmp_path: Path) -> None:
    assert faults(tmp_path, "routes = 'x'") == ["routes: is a table, written [routes]"]


@pytest.mark.parametrize(("text", "why"), [("PORT=1\nAPI_KEYS='canary\n", ": line 2"), ("# caf\udce9\n", "utf-8")])
def test_a_line_of_dotenv_that_cannot_be_read_is_a_fault(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / ".env").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError, match=r"\.env: can't be read") as caught:
        load_settings(environ={}, dotenv=tmp_path / ".env")
    assert why in str(caught.value)
    assert "canary" not in str(caught.value)


def test_dotenv_beside_a_core_without_its_reader_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=1")
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    with pytest.raises(SettingsError, match=r"\.env: needs the extra `server`"):
        load_settings(environ={}, dotenv=tmp_path / ".env")


@pytest.mark.parametrize("address", ["foo", "localhost:11434", "ftp://localhost", "http://127.0.0.1:99999"])
def test_an_address_of_a_provider_is_an_address(tmp_path: Path, address: str) -> None:
    toml = f"[[endpoints]]\nname = 'near'\nkind = 'ollama'\nmodel = 'm'\nbase_url = '{address}'"
    found = faults(tmp_path, toml, OLLAMA_BASE_URL=address, GEMINI_BASE_URL=address)
    assert [fault.partition(": must be an address such as http")[0] for fault in found] == [
        "OLLAMA_BASE_URL",
        "GEMINI_BASE_URL",
        "endpoints[0].base_url",
    ]


@pytest.mark.parametrize(
    ("address", "why"), [("http://a/v1/chat/completions", "of one of its calls"), ("http://a?b", "`?`")]
)
def test_an_address_of_a_provider_that_can_not_work_is_a_fault_by_its_setting(
    tmp_path: Path, address: str, why: str
) -> None:
    toml = f"[[endpoints]]\nname = 'near'\nkind = 'ollama'\nmodel = 'm'\nbase_url = '{address}'"
    found = faults(tmp_path, toml, OLLAMA_BASE_URL=address, GEMINI_BASE_URL=address)
    assert [fault.partition(":")[0] for fault in found] == [
        "OLLAMA_BASE_URL",
        "GEMINI_BASE_URL",
        "endpoints[0].base_url",
    ]
    assert all(why in fault for fault in found)


def test_a_secret_is_never_shown() -> None:
    settings = Settings(api_keys=(Secret("sk-canary"),), gemini_api_key=Secret("sk-canary"))
    assert "canary" not in f"{settings} {settings!r}"


def test_a_fault_of_a_key_does_not_quote_it(tmp_path: Path) -> None:
    assert "canary" not in " ".join(faults(tmp_path, API_KEYS="sha256:canary, canary"))


def test_the_demonstration_is_refused_on_an_address_that_others_reach(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, demo=True, HOST="0.0.0.0")
    assert fault.startswith("HOST: 0.0.0.0 is not a loopback address")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_the_demonstration_is_for_loopback_addresses(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, demo=True, HOST=host).hosts == frozenset(("localhost", "127.0.0.1", "[::1]"))


def test_serving_needs_somebody_who_may_ask() -> None:
    (fault,) = serving_faults(Settings())
    assert fault.startswith("API_KEYS: ")
    assert "keys new" in fault
    assert "--demo" in fault
    assert not list(serving_faults(Settings(demo=True)))
    assert not list(serving_faults(Settings(api_keys=(Secret("key-number-1"),))))


def test_a_key_and_its_digest_are_the_same_client() -> None:
    digest = digest_of("key-number-1")
    plain = clients_of(Settings(api_keys=(Secret("key-number-1"),)))
    hashed = clients_of(Settings(api_keys=(Secret(f"sha256:{digest.hex()}"),)))
    assert plain == hashed
    assert plain[digest].namespace == plain[digest].id


def test_the_same_key_twice_is_a_fault(tmp_path: Path) -> None:
    digest = digest_of("key-number-1").hex()
    (fault,) = faults(tmp_path, API_KEYS=f"key-number-1,sha256:{digest}")
    assert fault == "API_KEYS: the same key stands there twice"


def test_clients_have_quotas_permissions_and_a_namespace_of_their_own(tmp_path: Path) -> None:
    toml = """
        [[clients]]
        name = "team"
        keys = ["key-number-1", "key-number-2"]
        requests = { capacity = 10, refill_rate = 2.5 }
        tokens = { capacity = 100000, refill_rate = 1000 }
        concurrency = 3
        hints = ["local", "secure"]
        models = ["ollama"]
        namespace = "shared"
    """
    clients = clients_of(load(tmp_path, toml))
    team = clients[digest_of("key-number-2")]
    assert team is clients[digest_of("key-number-1")]
    assert (team.id, team.namespace) == ("team", "shared")
    assert team.quota.requests == Bucket.of(10, 2.5)
    assert team.quota.tokens == Bucket.of(100_000, 1000)
    assert team.quota.concurrency == 3
    assert team.hints == frozenset((Hint.LOCAL, Hint.SECURE))
    assert team.models == frozenset(("ollama",))


@pytest.mark.parametrize("name", ["gemini", "library", "Registry.Ollama.ai"])
def test_an_endpoints_name_can_be_mistaken_for_nothing_else(tmp_path: Path, name: str) -> None:
    (fault,) = faults(tmp_path, f"[[endpoints]]\nname = '{name}'\nkind = 'ollama'\nmodel = 'llama3.1'")
    assert fault.startswith(f"endpoints: the name {name} ")


@pytest.mark.parametrize(
    ("stated", "key"),
    [
        ("levels = ['high', 'low']", "levels"),
        ("levels = ['low', 'low']", "levels"),
        ("levels = ['none', 'low']", "levels"),
        ("budget = [1024, 128]", "budget"),
        ("budget = [-2, -1]", "budget"),
        ("replaced_by = 'gemini-10'", "replaced_by"),
        ("replaced_on = 2027-01-01\nreplaced_by = 'gemini-9'", "replaced_by"),
    ],
)
def test_what_no_model_can_be_is_a_fault_of_its_row(tmp_path: Path, stated: str, key: str) -> None:
    (fault,) = faults(tmp_path, f"[[models]]\nprovider = 'gemini'\nnames = ['gemini-9']\n{stated}")
    assert fault.startswith(f"models[0].{key}: ")


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ("provider = 'nobody'\nnames = ['*']\ninput = 1\noutput = 1", "provider"),
        ("provider = 'ollama'\nnames = []\ninput = 1\noutput = 1", "names"),
        ("provider = 'ollama'\nnames = ['*']\ninput = -1\noutput = 1", "input"),
        ("provider = 'ollama'\nnames = ['*']\ninput = 1", "output"),
        ("provider = 'ollama'\nnames = ['*']\ninput = 1\noutput = nan", "output"),
        ("provider = 'ollama'\nnames = ['*']\ninput = 1\noutput = 1\nper = 1", "per"),
    ],
)
def test_a_price_that_can_not_be_is_a_fault_of_its_row(tmp_path: Path, row: str, key: str) -> None:
    (fault,) = faults(tmp_path, f"[[prices]]\n{row}")
    assert fault.startswith(f"prices[0].{key}: "), fault


def test_the_demonstration_model_never_shares_a_route(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "[routes]\nlocal = ['ollama', 'embedded']")
    assert fault.startswith("routes.local: embedded never shares a route")


def test_a_store_that_cannot_be_found_by_its_url_is_refused_without_showing_it(tmp_path: Path) -> None:
    found = faults(tmp_path, REDIS_URL="redis://canary@localhost", CACHE_REDIS_URL="http://:canary@localhost")
    assert [fault.partition(":")[0] for fault in found] == ["REDIS_URL", "CACHE_REDIS_URL"]
    assert "canary" not in " ".join(found)


def test_the_toml_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings(config=tmp_path / "absent.toml", environ={}, dotenv=None)


def test_the_example_and_the_reference_list_every_setting() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run `just generate`"
    page = configuration_page()
    assert (ROOT / "docs" / "configuration.md").read_text() == page, "run `just generate`"
    kinds = (Settings, ClientSettings, EndpointSettings, ProviderSettings, TokenSettings)
    names = {field.name for kind in kinds for field in fields(kind)} - {"demo"}
    assert all(f"`{name}`" in page or f"`{name.upper()}`" in page or f"[{name}]" in page for name in names)


def test_the_tables_of_the_reference_are_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", configuration_page(), re.DOTALL)
    settings = load(tmp_path, example)
    assert settings.routes == {Hint.FAST: ("large", "gemini")}
    assert (settings.clients[0].name, settings.endpoints[0].name) == ("search", "large")
    assert settings.aliases == {"gpt-4o-mini": "local", "claude-sonnet-4.5": "large/llama3.1:70b"}
    assert not list(alias_warnings(settings))


def test_an_alias_hides_no_real_name_and_stands_for_one(tmp_path: Path) -> None:
    toml = """
        ollama_base_url = "http://127.0.0.1:1"
        [aliases]
        good = "ollama"
        secure = "gemini"
        ollama = "gemini"
        embedded = "ollama"
        "ollama/llama3.1" = "gemini"
        "llama3.1" = "gemini"
        "far" = "ollama"
        chained = "good"
        own = "own"
        "" = "ollama"
        empty = ""
        "two\\nlines" = "ollama"
        [[clients]]
        name = "team"
        keys = ["key-number-1"]
        aliases = { mine = "good", good = "gemini", fast = "local", far = "ollama" }
        [[endpoints]]
        name = "far"
        kind = "ollama"
        model = "large"
    """
    real = "is a real name here, which stays what it is"
    named = "a name is short, printable and not empty, on both sides"
    assert faults(tmp_path, toml) == [
        *(f"aliases.{name}: {real}" for name in ("secure", "ollama", "embedded", "ollama/llama3.1", "llama3.1", "far")),
        "aliases.chained: good is an alias itself, and must be a real name",
        "aliases.own: own is an alias itself, and must be a real name",
        *(3 * [f"aliases: {named}"]),
        "clients[0].aliases.mine: good is an alias itself, and must be a real name",
        *(f"clients[0].aliases.{name}: {real}" for name in ("fast", "far")),
    ]


@pytest.mark.parametrize("aliases", ["aliases = 3", "aliases = ['x']", "[aliases]\nx = 3", "[[aliases]]\nx = 'y'"])
def test_aliases_are_a_table_of_names(tmp_path: Path, aliases: str) -> None:
    assert faults(tmp_path, aliases) == ["aliases: must be a table of names, each with a name"]


def test_a_target_that_only_a_provider_s_list_can_have_is_warned_of(tmp_path: Path) -> None:
    toml = """
        [aliases]
        a = "qwen3"
        b = "ollama/qwen3"
        c = "local"
        d = "user/model"
        [[clients]]
        name = "team"
        keys = ["key-number-1"]
        aliases = { e = "mistral" }
    """
    words = "is no configured name, and 404 until a provider lists it"
    assert list(alias_warnings(load(tmp_path, toml))) == [
        f"aliases.a: qwen3 {words}",
        f"aliases.d: user/model {words}",
        f"clients[0].aliases.e: mistral {words}",
    ]


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://localhost", "http://", "http://host:port"])
def test_a_collectors_address_is_an_address(endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"^OTEL_EXPORTER_OTLP_ENDPOINT: must be an address"):
        load_settings(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, dotenv=None)


@pytest.mark.parametrize("headers", ["secret-token", "=secret-token", "a b=secret-token", "a=1,secret-token"])
def test_a_collectors_headers_are_pairs_and_are_not_shown(headers: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"OTEL_EXPORTER_OTLP_HEADERS": headers}, dotenv=None)
    assert "OTEL_EXPORTER_OTLP_HEADERS: must be name=value" in str(caught.value)
    assert "secret-token" not in str(caught.value)


def test_a_collectors_headers_are_read_as_opentelemetry_writes_them() -> None:
    settings = Settings(otel_exporter_otlp_headers=Secret("Authorization=Bearer%20x, x-tenant=a%2Cb"))
    assert otlp_headers(settings) == {"authorization": "Bearer x", "x-tenant": "a,b"}


@pytest.mark.parametrize(("vendor", "module"), [("ollama", "ollama"), ("gemini", "google")])
def test_an_sdk_that_is_not_installed_is_one_line(
    vendor: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "find_spec", lambda name: None if name.partition(".")[0] == module else object())
    name = f"{vendor.upper()}_TRANSPORT"
    asked: dict[str, Any] = {name: "sdk"}
    assert faults(tmp_path, **asked) == [f"{name}: sdk needs the extra `{vendor}`, which is not installed"]
    assert getattr(load(tmp_path), name.lower()) == "rest"


PROJECT: dict[str, Any] = {"GEMINI_VERTEX_PROJECT": "p"}
LOCATION: dict[str, Any] = {"GEMINI_VERTEX_LOCATION": "global"}
SDK: dict[str, Any] = {"GEMINI_TRANSPORT": "sdk"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (PROJECT | SDK, ["GEMINI_VERTEX_PROJECT: needs GEMINI_VERTEX_LOCATION too"]),
        (LOCATION | SDK, ["GEMINI_VERTEX_LOCATION: needs GEMINI_VERTEX_PROJECT too"]),
        (PROJECT | LOCATION, ["GEMINI_VERTEX_PROJECT: needs GEMINI_TRANSPORT=sdk, which knows Google's credentials"]),
        (
            PROJECT | LOCATION | SDK | {"GEMINI_API_KEY": "k"},
            ["GEMINI_VERTEX_PROJECT: takes no GEMINI_API_KEY beside it, as only one of them can be asked"],
        ),
    ],
)
def test_vertex_ai_needs_a_project_a_location_and_the_sdk(
    given: dict[str, Any], told: list[str], tmp_path: Path
) -> None:
    assert faults(tmp_path, **given) == told


def test_vertex_ai_needs_no_key(tmp_path: Path) -> None:
    settings = load(tmp_path, **PROJECT, **LOCATION, **SDK)
    assert [row.name for row in kinds.GEMINI.rows(settings)] == ["gemini"]
    assert kinds.GEMINI.rows(load(tmp_path)) == []


def test_a_demonstration_has_an_ampler_quota_unless_one_is_set(tmp_path: Path) -> None:
    read = SettingsRead(environ={}, dotenv=None, demo=True)
    assert (read.settings.rate_limiter_capacity, read.settings.rate_limiter_refill_rate) == (60, 10.0)
    assert read.sources["rate_limiter_capacity"] == "demonstration"
    one = SettingsRead(environ={"RATE_LIMITER_CAPACITY": "7"}, dotenv=None, demo=True).settings
    assert (one.rate_limiter_capacity, one.rate_limiter_refill_rate) == (7, 10.0)
    plain = SettingsRead(environ={}, dotenv=None).settings
    assert (plain.rate_limiter_capacity, plain.rate_limiter_refill_rate) == (5, 1.0)


def test_a_client_may_want_the_upper_bound_reserved(tmp_path: Path) -> None:
    table = '[[clients]]\nname = "one"\nkeys = ["key-of-one"]\ntokens = {{ capacity = 10, refill_rate = 1{} }}'
    for stated, reserve in (("", Reserve.LIKELY), (', reserve = "upper_bound"', Reserve.UPPER_BOUND)):
        client = clients_of(load(tmp_path, table.format(stated)))[digest_of("key-of-one")]
        assert client.reserve is reserve
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, table.format(', reserve = "most"'))
    assert caught.value.faults == ["clients[0].tokens.reserve: must be one of likely, upper_bound"]
