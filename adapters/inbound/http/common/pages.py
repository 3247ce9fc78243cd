"""What a browser is shown: replies whose headers let a page do its own work and nothing else."""

from collections.abc import Callable, Mapping

from .replies import Reply
from .response_headers import Headers

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),  # the page and its parts are always of one version
]


def page_reply(body: bytes, content_type: bytes) -> Reply:
    """A page, or a part of one."""
    return Reply(200, body, content_type, _HEADERS)


class Pages(dict[str, Reply]):
    """By path. Those that `make` makes are made all at once, when the first of them is asked for."""

    def __init__(self, pages: Mapping[str, Reply], make: Callable[[], Mapping[str, Reply]]) -> None:
        super().__init__(pages)
        self._make = make

    def __missing__(self, path: str) -> Reply:
        made = self._make()
        self.update(made)
        return made[path]
