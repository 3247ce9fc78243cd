"""Which server is the master, as the Sentinels say."""

from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.exceptions import RedisError

from .address import Address, Node
from .connection import reason_of, way_to
from .failures import StoreAway

SENTINEL_SECONDS = 0.25
"""For a Sentinel to be connected to, and for each of its replies: the next is asked then."""


class Sentinels:
    """Asked anew for each connection, beginning with the one that last knew."""

    def __init__(self, address: Address, service: str) -> None:
        self._address = address.of_sentinels()
        self._service = service
        self._nodes = list(address.nodes)

    async def master(self) -> Node:
        """Raises `StoreAway` where no Sentinel names one, and `OSError` where a certificate can't be read."""
        sentinels = Sentinel([])
        for node in self._nodes:
            kind, options = await way_to(node, self._address, SENTINEL_SECONDS)
            sentinels.sentinels.append(Redis.from_pool(ConnectionPool(kind, max_connections=1, **options)))
        asked = list(sentinels.sentinels)
        try:
            host, port = await sentinels.discover_master(self._service)
        except MasterNotFoundError as error:
            raise StoreAway("no Sentinel names a master") from error
        except (RedisError, LookupError, ValueError, TypeError) as error:
            raise StoreAway(f"no Sentinel names a master: {reason_of(error)}") from error
        finally:
            await sentinels.aclose()
        self._nodes.insert(0, self._nodes.pop(asked.index(sentinels.sentinels[0])))
        return Node(str(host), int(port))
