"""Pages that nobody asks for are not made."""

from collections.abc import Mapping

import pytest

from llm_gateway.adapters.inbound.http.common.pages import Pages, page_reply
from llm_gateway.adapters.inbound.http.common.replies import Reply


def test_what_takes_long_is_made_once_when_it_is_asked_for() -> None:
    made = []

    def make() -> Mapping[str, Reply]:
        made.append(True)
        return {path: page_reply(path.encode(), b"text/html") for path in ("/docs", "/docs/openapi.json")}

    ready = page_reply(b"", b"text/html")
    pages = Pages({"/": ready}, make)
    assert pages["/"] is ready
    assert made == []
    assert pages["/docs"] is pages["/docs"]
    assert pages["/docs/openapi.json"].body == b"/docs/openapi.json"
    assert made == [True]
    with pytest.raises(KeyError):
        pages["/elsewhere"]
