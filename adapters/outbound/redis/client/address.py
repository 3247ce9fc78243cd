"""Where a store is, from its URL. The URL's password is never shown, and no fault quotes the URL."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct, structs
from typing_extensions import override

PORTS = {"": 6379, "cluster": 6379, "sentinel": 26_379}
"""The default, by what the scheme has behind its `+`."""
SCHEMES = (
    "redis://",
    "rediss://",
    "redis+cluster://",
    "rediss+cluster://",
    "redis+sentinel://",
    "rediss+sentinel://",
    "unix://",
)
OPTIONS = {
    "db": None,
    "ssl_ca_certs": "ca_file",
    "ssl_certfile": "certificate",
    "ssl_keyfile": "key_file",
    "sentinel_username": "sentinel_username",
    "sentinel_password": "sentinel_password",
}
"""What a URL may say behind its `?`, and the field of `Address` that it is."""

RedisCredentials: TypeAlias = Callable[[], Awaitable[tuple[str, str]]]
"""A user, or nothing, and a password: for tokens that expire."""


class Node(Struct, frozen=True):
    """One server: a host and a port, or a socket's path as the host and port 0."""

    host: str
    port: int


class Address(Struct, frozen=True, kw_only=True):
    """`nodes` are one server, or the first to be asked of a Cluster, or Sentinels that know where `service` is.

    `ca_file` is trusted instead of the system's. `certificate` is the client's own, with its `key_file` beside it or
    in it. `credentials` are used instead of a user and a password.
    """

    nodes: tuple[Node, ...]
    cluster: bool = False
    service: str | None = None
    tls: bool = False
    ca_file: str | None = None
    certificate: str | None = None
    key_file: str | None = None
    username: str | None = None
    password: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    database: int = 0
    credentials: RedisCredentials | None = None

    def of_sentinels(self) -> "Address":
        """With the login that the Sentinels ask for: they have one of their own, or none."""
        return structs.replace(
            self, username=self.sentinel_username, password=self.sentinel_password, credentials=None, database=0
        )

    @override
    def __repr__(self) -> str:
        return f"Address({len(self.nodes)} nodes)"


def parse_address(url: str) -> Address:
    """Raises `ValueError`, whose message names what is wrong and quotes nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is not a URL") from None
    scheme, _, kind = parts.scheme.partition("+")
    if f"{parts.scheme}://" not in SCHEMES or not url.startswith(f"{parts.scheme}://"):
        raise ValueError(f"must begin with one of {', '.join(SCHEMES)}")
    options = _options(parts.query)
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    if username and not password:
        raise ValueError("has a user without a password: write `user:password@` or `:password@`")
    nodes = (
        (_socket(parts, hosts),) if scheme == "unix" else tuple(_node(host, PORTS[kind]) for host in hosts.split(","))
    )
    if len(nodes) > 1 and not kind:
        raise ValueError("names several servers: write redis+cluster:// or redis+sentinel://")
    path = "" if scheme == "unix" else parts.path.removeprefix("/").removesuffix("/")
    service, _, path = path.partition("/") if kind == "sentinel" else (None, "", path)
    if service == "":
        raise ValueError("names no master: write redis+sentinel://host:26379/name")
    database = _number(options.pop("db", "") or path or "0", "the database", 1 << 16)
    if kind == "cluster" and database:
        raise ValueError("names a database, and a Cluster has only one")
    if kind != "sentinel" and any(name.startswith("sentinel_") for name in options):
        raise ValueError("has a login for Sentinels, and names none")
    given: dict[str, Any] = {field: options[name] for name, field in OPTIONS.items() if field and options.get(name)}
    return Address(
        nodes=nodes,
        cluster=kind == "cluster",
        service=service and unquote(service),
        tls=scheme == "rediss",
        username=unquote(username) or None,
        password=unquote(password) or None,
        database=database,
        **given,
    )


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not options.keys() <= OPTIONS.keys():
        raise ValueError(f"has an option other than {', '.join(OPTIONS)}")
    return options


def _socket(parts: SplitResult, hosts: str) -> Node:
    if hosts or not parts.path.strip("/"):
        raise ValueError("must give the socket's whole path: unix:///path")
    return Node(unquote(parts.path), 0)


def _node(text: str, default: int) -> Node:
    """`host`, `host:port` or `[v6]:port`."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host:
        raise ValueError("names no host")
    return Node(_name(unquote(host)), _number(port or str(default), "the port", 65535))


def _name(host: str) -> str:
    """One that can be looked up: Python raises `ValueError` for any other, and not `OSError`."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("names what can't be a host") from None
    if not host.isprintable():
        raise ValueError("names what can't be a host")
    return host


def _number(text: str, what: str, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > most:
        raise ValueError(f"must give {what} as a number up to {most}")
    return int(text)
