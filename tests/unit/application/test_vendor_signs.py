"""The vendors' tables of signs: whole, well-formed, and harmless to everybody but the request that they are about."""

from collections.abc import Sequence

import pytest

from llm_gateway.adapters.outbound.gemini.refusals import PATHS
from llm_gateway.adapters.outbound.gemini.refusals import SIGNS as GEMINI
from llm_gateway.adapters.outbound.ollama.refusals import SIGNS as OLLAMA
from llm_gateway.application.vendor_signs import ANY, KINDS, Sign, error_of, told
from llm_gateway.domain.errors import FailureReason, ProviderError, ProviderRejected

VENDORS = pytest.mark.parametrize("signs", [GEMINI, OLLAMA], ids=["gemini", "ollama"])


def test_every_reason_is_an_error() -> None:
    assert set(KINDS) == set(FailureReason)


@VENDORS
def test_every_status_of_a_failure_has_a_meaning_and_its_error(signs: Sequence[Sign]) -> None:
    for status in ANY:
        what = told(signs, status, "")
        assert what is not None, status
        error = error_of("vendor", what, frozenset())
        assert isinstance(error, ProviderError)
        assert (error.status, error.provider) == (status, "vendor")


@VENDORS
def test_every_row_is_one_that_can_be_found_before_all_others(signs: Sequence[Sign]) -> None:
    for sign in signs:
        assert all(word == word.lower() for word in sign.words), sign
        codes = frozenset((sign.code,)) if sign.code else frozenset()
        found = (told(signs, status, " ".join(sign.words), codes) for status in ANY if status in sign.statuses)
        assert any(what is not None and what.sign == sign for what in found), f"hidden by an earlier row: {sign}"


@VENDORS
def test_no_prompt_that_a_vendor_quotes_puts_an_endpoint_out(signs: Sequence[Sign]) -> None:
    """What a 400 or a 500 says may hold the client's own words."""
    assert not [sign for sign in signs if sign.out and any(status in sign.statuses for status in (400, 413, 500))]


@VENDORS
def test_a_row_that_blames_a_field_says_which(signs: Sequence[Sign]) -> None:
    for sign in signs:
        assert bool(sign.paths) is (sign.reason is FailureReason.STATED_FIELD), sign


def test_without_a_status_only_what_was_said_counts() -> None:
    assert told(OLLAMA, None, "") is None
    within = told(OLLAMA, None, "llama-server process has terminated")
    assert within is not None
    assert (within.status, within.sign.reason) == (None, FailureReason.RUNNER_LOST)


def test_an_index_stands_in_the_path_where_it_is_told() -> None:
    sign = Sign(reason=FailureReason.STATED_FIELD, says="no", words=("no",), paths=("tools[].function.name",))
    for said, path in (("no: function_declarations[7].name", "tools[7].function.name"), ("no", "tools")):
        what = told((sign,), 400, said)
        assert what is not None
        error = error_of("vendor", what, frozenset({"tools"}))
        assert isinstance(error, ProviderRejected)
        assert error.path == path


def test_the_paths_of_gemini_are_spelt_as_they_are_compared() -> None:
    assert not [begin for begin, _ in PATHS if begin != begin.lower().replace("_", "")]
