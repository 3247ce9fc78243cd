"""The files of the console and of the documentation, as they go over the wire."""

import re

import pytest

from llm_gateway.adapters.inbound.http.console.pages import asset_paths

from ..served import Served

DIRECTIVES = {
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
}
ELSEWHERE = re.compile(r"(?<!xmlns=\")\b(?:https?:)?//[a-z]", re.IGNORECASE)
DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|localStorage|sessionStorage|indexedDB"
    r"|document\.cookie|srcdoc|setAttribute"
)
ASSETS = asset_paths()


@pytest.mark.parametrize("path", ["/", "/docs", *ASSETS])
async def test_each_is_sent_to_anybody_with_strict_headers(served: Served, path: str) -> None:
    del served.client.headers["x-api-key"]

    response, head = await served.client.get(path), await served.client.head(path)

    assert response.status_code == head.status_code == 200
    assert set(response.headers["content-security-policy"].split("; ")) == DIRECTIVES
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert head.headers["content-length"] == response.headers["content-length"]
    assert head.content == b""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/assets/main.js", "text/javascript; charset=utf-8"),
        ("/assets/console.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ],
)
async def test_each_has_its_type(served: Served, path: str, kind: str) -> None:
    assert (await served.client.get(path)).headers["content-type"] == kind


@pytest.mark.parametrize(
    "path", ["/assets", "/assets/", "/assets/index.html", "/assets/..%2fconsole.py", "/assets/main.js/x", "/index.html"]
)
async def test_nothing_else_is_served(served: Served, path: str) -> None:
    assert (await served.client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs", *ASSETS])
async def test_none_names_another_host_and_none_has_a_way_for_text_to_become_markup(served: Served, path: str) -> None:
    text = (await served.client.get(path)).text

    assert ELSEWHERE.findall(text) == []
    assert DANGEROUS.findall(text) == []
    assert re.findall(r"<style|\bstyle=|\bon[a-z]+=\"|<script(?! type=\"module\" src=)", text) == []


async def test_every_part_is_counted_under_one_route(served: Served) -> None:
    for path in ("/", "/assets/main.js", "/assets/base.css"):
        await served.client.get(path)

    assert [route for _, route, _, _ in served.observer.answers] == ["/", "/assets", "/assets"]
