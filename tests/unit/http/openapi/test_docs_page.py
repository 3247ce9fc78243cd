"""The documentation as HTML: all of the document, escaped."""

import re

from llm_gateway.adapters.inbound.http.openapi.docs_page import docs_page
from llm_gateway.adapters.inbound.http.routes import api_document


def test_it_shows_every_operation_and_type_and_every_link_leads_somewhere() -> None:
    document = api_document("1.2.3")
    page = docs_page(document).decode()

    assert all(path in page for path in document["paths"])
    assert all(f'<h3 id="{name}">' in page for name in document["components"]["schemas"])
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert "LLM Gateway Core 1.2.3" in page
    assert "any JSON" not in re.sub(r"JsonObject.*", "", page.partition("<h2>Types</h2>")[0])


def test_numbers_stand_as_they_are_meant() -> None:
    page = docs_page(api_document("0")).decode()

    assert re.search(r"\de\+\d", page) is None
    assert "number ≥ 0" in page


def test_words_of_the_document_stay_text() -> None:
    canary = "<img src=x> & `<b>`"
    schema = {"type": "object", "description": canary, "properties": {canary: {"enum": [canary], "default": canary}}}
    operation = {
        "summary": canary,
        "parameters": [{"name": canary, "in": canary, "schema": {"const": canary}, "description": canary}],
        "responses": {canary: {"description": canary, "content": {canary: {"schema": {"type": canary}}}}},
    }
    page = docs_page(
        {
            "info": {"title": canary, "version": canary},
            "paths": {canary: {"get": operation}},
            "components": {"schemas": {canary: schema}},
        }
    ).decode()

    assert "<img src=x>" not in page
    assert "<b>" not in page
