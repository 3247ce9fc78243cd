"""Reads the settings from the environment, `.env` and TOML, and reports every fault at once."""

import os
from collections.abc import Iterator, Mapping, Set
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, ValidationError, structs
from msgspec.structs import FieldInfo, fields

from llm_gateway.domain.routing import Hint

from .kinds import SERVERS
from .settings import (
    BucketSettings,
    ClientSettings,
    EndpointSettings,
    ModelSettings,
    PoolSettings,
    PriceSettings,
    ProviderSettings,
    Secret,
    Settings,
    TokenSettings,
    stated_keys,
)
from .settings_rules import rule_faults

_SERVER_NAMES = tuple(kind.name for kind in SERVERS)
DEFAULT_FILE = "llm-gateway.toml"
StrPath: TypeAlias = str | os.PathLike[str]
_TABLES: Mapping[str, type[Struct]] = {
    "clients": ClientSettings,
    "endpoints": EndpointSettings,
    "providers": ProviderSettings,
    "models": ModelSettings,
    "prices": PriceSettings,
}
DEMO_QUOTA: Mapping[str, Any] = {"rate_limiter_capacity": 60, "rate_limiter_refill_rate": 10.0}
"""What a demonstration has instead of the defaults, so that an ordinary program runs through."""
_QUOTAS: Mapping[str, type[Struct]] = {"requests": BucketSettings, "tokens": TokenSettings}


class SettingsError(Exception):
    """The settings are faulty. `faults` has a line for each fault, beginning with the variable or the key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load_settings(
    *,
    config: StrPath | None = None,
    environ: Mapping[str, str] | None = None,
    dotenv: StrPath | None = ".env",
    demo: bool = False,
) -> Settings:
    """The settings, the environment before `.env` before TOML. Raises `SettingsError` with every fault.

    `config` is a TOML file that has to exist; without it `llm-gateway.toml` is read if there is one. `environ` is the
    process's own if absent. `demo` allows what only a demonstration may.
    """
    return SettingsRead(config=config, environ=environ, dotenv=dotenv, demo=demo).settings


class SettingsRead:
    """The settings, as `load_settings` reads them, with where each came from.

    `sources` says for each field that was set where it stood: `environment`, the name of the file, or the flag.
    `flags` are what the command line has, by the fields' names: they win over all else.
    """

    def __init__(
        self,
        *,
        config: StrPath | None = None,
        environ: Mapping[str, str] | None = None,
        dotenv: StrPath | None = ".env",
        demo: bool = False,
        flags: Mapping[str, str] | None = None,
    ) -> None:
        self._flags = flags or {}
        self._faults: list[str] = []
        self.sources: dict[str, str] = {}
        self._toml = self._read_toml(config)
        self._toml_name = os.fspath(config or DEFAULT_FILE)
        self._environ = os.environ if environ is None else environ
        self._variables = {**self._read_dotenv(dotenv), **self._environ}
        self.settings = self._settings(demo)

    @property
    def variables(self) -> Set[str]:
        """The names of all variables, those of other programs too."""
        return self._variables.keys()

    @property
    def stated(self) -> Set[str]:
        """The names of the settings that somebody set: the demonstration's own are not among them."""
        return {name for name, source in self.sources.items() if source != "demonstration"}

    def _settings(self, demo: bool) -> Settings:
        known = {field.name: field for field in fields(Settings)}
        unstated = ("demo", "pools")
        self._faults += [f"{key}: is not a setting" for key in self._toml if key not in known or key in unstated]
        values: dict[str, Any] = {"demo": demo}
        for name, field in known.items():
            if name in _TABLES:
                values[name] = tuple(self._rows(name, self._toml.get(name, [])))
            elif name == "routes":
                values[name] = self._routes(self._toml.get(name, {}))
            elif name == "pools":  # stand among the endpoints
                values[name] = tuple(row for row in values["endpoints"] if isinstance(row, PoolSettings))
                values["endpoints"] = tuple(row for row in values["endpoints"] if not isinstance(row, PoolSettings))
            elif name == "aliases":
                self._convert(values, field, self._toml.get(name, {}), name, strict=True)
            elif name != "demo":
                self._variable(values, field)
        only_there = (*_TABLES, "pools", "routes", "aliases")
        self.sources |= {name: self._toml_name for name in only_there if values.get(name)}
        if demo:
            values = {**DEMO_QUOTA, **values}
            self.sources |= {name: "demonstration" for name in DEMO_QUOTA if name not in self.sources}
        settings = Settings(**values)
        faults = [*self._faults, *rule_faults(settings)]
        if faults:
            raise SettingsError(faults)
        return settings

    def _variable(self, values: dict[str, Any], field: FieldInfo) -> None:
        variable = field.name.upper()
        text = self._variables.get(variable, "").strip()
        if field.name in self._flags:
            flag = f"--{field.name}"
            self._convert(values, field, self._flags[field.name], flag, strict=False)
            self.sources[field.name] = flag
        elif text:
            value = _split(text) if "tuple" in str(field.type) else text
            self._convert(values, field, value, variable, strict=False)
            self.sources[field.name] = "environment" if variable in self._environ else ".env"
        elif field.name in self._toml:
            self._convert(values, field, self._toml[field.name], field.name, strict=True)
            self.sources[field.name] = self._toml_name

    def _convert(self, values: dict[str, Any], field: FieldInfo, value: object, name: str, *, strict: bool) -> None:
        try:
            values[field.name] = msgspec.convert(value, field.type, strict=strict, dec_hook=decode_secret)
        except ValidationError:
            from .settings_words import expected

            self._faults.append(f"{name}: must be {expected(field)}")

    def _rows(self, name: str, rows: object) -> Iterator[Any]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._faults.append(f"{name}: is a list of tables, written [[{name}]]")
            return
        for index, row in enumerate(rows):
            kind = PoolSettings if name == "endpoints" and "pool" in row else _TABLES[name]
            table = self._table(f"{name}[{index}]", row, kind)
            if isinstance(table, ProviderSettings):
                table = self._with_key(f"{name}[{index}]", table)
            if table is not None:
                yield table

    def _with_key(self, name: str, row: ProviderSettings) -> ProviderSettings:
        if row.api_key_variable is None:
            return row
        key = self._variables.get(row.api_key_variable, "").strip()
        if not key:
            self._faults.append(f"{name}.api_key_variable: {row.api_key_variable} is not set")
        return structs.replace(row, api_key=Secret(key))

    def _table(self, name: str, table: dict[str, Any], kind: type[Struct]) -> Any:
        """The table as this kind; None where it has faults, which are all reported."""
        before = len(self._faults)
        known = stated_keys(kind)
        values: dict[str, Any] = {}
        self._faults += [f"{name}.{key}: is not a setting" for key in table if key not in known]
        for key, field in known.items():
            if key in _QUOTAS and isinstance(table.get(key), dict):
                values[key] = self._table(f"{name}.{key}", table[key], _QUOTAS[key])
            elif key == "kind" and key in table:
                if table[key] not in _SERVER_NAMES:
                    self._faults.append(f"{name}.{key}: must be one of {', '.join(_SERVER_NAMES)}")
                values[key] = table[key]
            elif key in table:
                self._convert(values, field, table[key], f"{name}.{key}", strict=True)
            elif field.required:
                self._faults.append(f"{name}.{key}: is required")
        return kind(**values) if len(self._faults) == before else None

    def _routes(self, table: object) -> dict[Hint, tuple[str, ...]]:
        if not isinstance(table, dict):
            self._faults.append("routes: is a table, written [routes]")
            return {}
        known = {hint.value: hint for hint in Hint}
        routes = {}
        for name, route in table.items():
            if name not in known:
                self._faults.append(f"routes.{name}: is no hint, which are {', '.join(known)}")
            elif not isinstance(route, list) or not all(isinstance(one, str) for one in route):
                self._faults.append(f"routes.{name}: must be a list, each text")
            else:
                routes[known[name]] = tuple(route)
        return routes

    def _read_toml(self, config: StrPath | None) -> dict[str, Any]:
        path = config or DEFAULT_FILE
        if config is None and not os.path.isfile(path):
            return {}
        import tomllib  # here, because importing the package must stay cheap

        try:
            with open(path, "rb") as file:
                return tomllib.load(file)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self._faults.append(f"{path}: can't be read: {error}")
            return {}

    def _read_dotenv(self, path: StrPath | None) -> dict[str, str]:
        if path is None or not os.path.isfile(path):
            return {}
        try:
            from dotenv.parser import parse_stream  # which tells of the lines that `dotenv_values` passes over
        except ImportError:
            self._faults.append(f"{path}: needs the extra `server`, which is not installed")
            return {}
        values = {}
        try:
            with open(path, encoding="utf-8") as file:
                for line in parse_stream(file):
                    if line.error:
                        self._faults.append(f"{path}: can't be read: line {line.original.line}")
                    elif line.key is not None and line.value is not None:
                        values[line.key] = line.value
        except (OSError, UnicodeDecodeError) as error:
            self._faults.append(f"{path}: can't be read: {error}")
        return values


def variable(name: str) -> str | None:
    """A variable of the environment that is no setting; None where it is unset or empty."""
    return os.environ.get(name) or None


def _split(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split(",")) if part]


def decode_secret(kind: type, value: object) -> object:
    """For msgspec, which does not know `Secret`."""
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValidationError(f"Expected text, got `{type(value).__name__}`")
