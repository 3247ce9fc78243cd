"""Where a store is, from its URL. The URL's password is never shown, and no fault quotes the URL."""

from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct
from typing_extensions import override

DEFAULT_PORT = 6379
SCHEMES = ("redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "unix://")


class Node(Struct, frozen=True):
    """One server: a host and a port, or a socket's path as the host and port 0."""

    host: str
    port: int


class Address(Struct, frozen=True, kw_only=True):
    """`nodes` are one server, or the first to be asked of a Cluster. `ca_file` is trusted instead of the system's."""

    nodes: tuple[Node, ...]
    cluster: bool = False
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password: str | None = None
    database: int = 0

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
    nodes = (_socket(parts, hosts),) if scheme == "unix" else tuple(map(_node, hosts.split(",")))
    if len(nodes) > 1 and not kind:
        raise ValueError("names several servers: write redis+cluster:// for a Cluster")
    path = "" if scheme == "unix" else parts.path.strip("/")
    database = _number(options.get("db") or path or "0", "the database", 1 << 16)
    if kind and database:
        raise ValueError("names a database, and a Cluster has only one")
    return Address(
        nodes=nodes,
        cluster=bool(kind),
        tls=scheme == "rediss",
        ca_file=options.get("ssl_ca_certs"),
        username=unquote(username) or None,
        password=unquote(password) or None,
        database=database,
    )


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not options.keys() <= {"db", "ssl_ca_certs"}:
        raise ValueError("has an option other than db and ssl_ca_certs")
    return options


def _socket(parts: SplitResult, hosts: str) -> Node:
    if hosts or not parts.path.strip("/"):
        raise ValueError("must give the socket's whole path: unix:///path")
    return Node(unquote(parts.path), 0)


def _node(text: str) -> Node:
    """`host`, `host:port` or `[v6]:port`."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host:
        raise ValueError("names no host")
    return Node(_name(unquote(host)), _number(port or str(DEFAULT_PORT), "the port", 65535))


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
