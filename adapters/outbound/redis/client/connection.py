"""Connections that redis-py makes: to a host or a socket, with or without TLS, logged in."""

import asyncio
import ssl
from typing import Any, TypeAlias

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisError, ResponseError
from typing_extensions import override

from .address import Address, Node, RedisCredentials
from .failures import StoreAway, StoreError, failure_of


class TrustingConnection(SSLConnection):
    """With a context that was built elsewhere, as reading certificates would hold up the loop."""

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = context


class AskedCredentials(CredentialProvider):
    """Asked for at each connection, as tokens expire."""

    def __init__(self, ask: RedisCredentials) -> None:
        self._ask = ask

    @override
    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        try:
            user, password = await self._ask()
        except Exception as error:  # whatever an embedding application raises: there is no login
            raise StoreAway(f"no credentials: {type(error).__name__}") from error
        return (user, password) if user else (password,)


Way: TypeAlias = tuple[type[AbstractConnection], dict[str, Any]]


async def way_to(node: Node, address: Address, seconds: float | None = None) -> Way:
    """The class of a connection and its arguments. Nothing is tried twice. Raises `OSError`.

    `seconds` are for connecting and for each reply; without them whoever waits has a deadline.
    """
    options: dict[str, Any] = {
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "db": address.database,
    }
    if address.credentials is None:
        options |= {"username": address.username, "password": address.password}
    else:
        options["credential_provider"] = AskedCredentials(address.credentials)
    if not node.port:
        return UnixDomainSocketConnection, options | {"path": node.host}
    options |= {"host": node.host, "port": node.port}
    if not address.tls:
        return Connection, options
    return TrustingConnection, options | {"context": await asyncio.to_thread(_trust, address)}


async def connected(node: Node, address: Address) -> AbstractConnection:
    """Logged in. It waits as long as it is let. Raises `OSError`, `RedisError` or `StoreAway`."""
    kind, options = await way_to(node, address)
    connection = kind(**options)
    try:
        await connection.connect()
        if await connection.can_read():
            raise StoreAway("the server closed it, or said what nobody asked")
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return connection


def reason_of(error: BaseException) -> str:
    """A failure by the server's code or by its class: the system's and redis-py's own words may quote an address."""
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, RedisError) and (error.status_code or isinstance(error, ResponseError)):
        return str(failure_of(f"{error.status_code} " if error.status_code else str(error)))
    if isinstance(error, RedisError) and isinstance(error.__context__, OSError):
        error = error.__context__
    return type(error).__name__


def _trust(address: Address) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=address.ca_file)
    if address.certificate:
        context.load_cert_chain(address.certificate, address.key_file)
    return context
