"""The address of a vendor's server, where a base URL names a door behind it, as other clients want it. Pure."""

import re
from typing import Final

_DOOR: Final = re.compile(r"/(?:v1beta/openai|v1beta|v1|api)$", re.IGNORECASE)
_CALL: Final = re.compile(
    r"/(?:v1beta|v1|api)/(?:openai/)?(?:chat|completions|generate|embed|embeddings|models|responses|messages|tags|show)\b",
    re.IGNORECASE,
)


def server_address(url: str) -> str:
    """Without the slash, the version or the `/api` at its end, which each adapter adds by itself."""
    scheme, separator, rest = url.strip().rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host}{_DOOR.sub('', (slash + path).rstrip('/')).rstrip('/')}"


def address_fault(url: str) -> str | None:
    """Why nothing at this URL can be asked; None where something may."""
    if "?" in url or "#" in url:
        return "must be an address without `?` and `#`"
    if _CALL.search(url):
        return "must be the address of the server, and not of one of its calls"
    return None
