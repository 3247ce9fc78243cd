"""Who answers in another's place, as answers tell it."""

import logging

import pytest

from llm_gateway.adapters.outbound.gemini.answering import MAX_SEEN, AnsweringModels
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

ALIAS, PINNED = "gemini-flash-latest", "gemini-3.5-flash"


def state(model: str, fingerprint: str = "") -> EndpointState:
    endpoint = Endpoint(id=EndpointId(provider="gemini", model=model), locality=Locality.CLOUD, fingerprint=fingerprint)
    return EndpointState(endpoint=endpoint, features=frozenset())


STATES = (state(ALIAS), state(PINNED, "http://elsewhere"))


def told(answering: AnsweringModels) -> list[tuple[str | None, str]]:
    return [(each.answered_by, each.endpoint.fingerprint) for each in answering.told(STATES)]


AS_EXPECTED = [(None, ""), (None, "http://elsewhere")]


def test_an_alias_that_moves_is_told_once_and_has_another_fingerprint(caplog: pytest.LogCaptureFixture) -> None:
    answering = AnsweringModels("gemini")
    for _ in range(3):
        answering.saw(ALIAS, "gemini-3.8-flash")
    assert told(answering) == AS_EXPECTED
    assert not caplog.records
    for _ in range(3):
        answering.saw(ALIAS, "gemini-4-hydrogen")
    assert told(answering)[0] == ("gemini-4-hydrogen", "answered_by=gemini-4-hydrogen")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages == [
        "gemini/gemini-flash-latest is answered by gemini-4-hydrogen instead of gemini-3.8-flash"
    ]


def test_one_that_moves_back_is_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    answering = AnsweringModels("gemini")
    for _ in range(20):  # as while the vendor rolls it out
        for model in ("gemini-3.8-flash", "gemini-4-hydrogen"):
            answering.saw(ALIAS, model)
    answering.saw(ALIAS, "gemini-3.8-flash")
    assert told(answering) == AS_EXPECTED
    assert len(caplog.records) == 1


def test_a_name_that_is_redirected_is_told_at_its_first_answer(caplog: pytest.LogCaptureFixture) -> None:
    answering = AnsweringModels("gemini")
    answering.saw(PINNED, "models/gemini-3.6-flash")
    assert told(answering)[1] == ("gemini-3.6-flash", "http://elsewhere answered_by=gemini-3.6-flash")
    assert "gemini-3.6-flash instead of gemini-3.5-flash" in caplog.text


@pytest.mark.parametrize("answered", [PINNED, f"models/{PINNED}", f"{PINNED}-001", None, "", "a\nb", "x" * 999])
def test_the_same_model_and_what_is_no_name_are_none_else(
    answered: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    answering = AnsweringModels("gemini")
    answering.saw(PINNED, answered)
    assert told(answering) == AS_EXPECTED
    assert not caplog.records


def test_a_longer_name_is_another_model() -> None:
    answering = AnsweringModels("gemini")
    answering.saw(PINNED, f"{PINNED}-lite")
    assert told(answering)[1][0] == f"{PINNED}-lite"


def test_however_many_names_the_vendor_gives_few_are_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    answering = AnsweringModels("gemini")
    for number in range(1_000):
        answering.saw(PINNED, f"another-{number}")
    assert len(caplog.records) == MAX_SEEN - 1


def test_the_states_are_made_once_for_many_requests() -> None:
    answering = AnsweringModels("gemini")
    answering.saw(PINNED, "gemini-3.6-flash")
    assert answering.told(STATES) is answering.told(STATES)
    assert len(answering.told(STATES[:1])) == 1
