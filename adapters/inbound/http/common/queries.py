"""What is read of a request's query string, within bounds."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from llm_gateway.domain.errors import InvalidRequest

_COUNT = re.compile("[1-9][0-9]{0,3}")


def query_of(query: bytes) -> Mapping[str, str]:
    """The fields of a query string; of several values of one name the last."""
    return {name: values[-1] for name, values in parse_qs(query.decode("latin-1"), keep_blank_values=True).items()}


def limit_of(asked: Mapping[str, str], default: int, most: int) -> int:
    """How many a list may have: the field `limit`. Raises `InvalidRequest` for what is not from 1 to `most`."""
    limit = asked.get("limit", str(default))
    if not _COUNT.fullmatch(limit) or int(limit) > most:
        raise InvalidRequest.at("limit", f"must be from 1 to {most}")
    return int(limit)
