"""Facts of models: which row counts, whose facts hold after a model is replaced, and how old data may be."""

from datetime import UTC, date, datetime, timedelta

from llm_gateway.application.model_facts import FRESH_FOR, ModelFacts, ModelFile, ModelTable

DAY = date(2026, 6, 1)
FILE = ModelFile(
    checked=DAY,
    models=(
        ModelFacts(names=("a-1",), prefill=True),
        ModelFacts(names=("a-2",), replaced_on=DAY, replaced_by="a-1"),
        ModelFacts(names=("a-3", "a-4"), replaced_on=DAY),
        ModelFacts(names=("b-1",), replaced_on=DAY, replaced_by="b-2"),
        ModelFacts(names=("b-2",), replaced_on=DAY, replaced_by="b-1"),
        ModelFacts(names=("a-*",), prefill=False, sampling=False),
    ),
)
TABLE = ModelTable(FILE)


def at(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


NOW = at(DAY)


def test_of_each_field_the_first_row_counts_that_states_it() -> None:
    assert (TABLE.of("a-1", NOW).prefill, TABLE.of("a-1", NOW).sampling) == (True, False)
    assert TABLE.of("a-9", NOW).prefill is False
    assert TABLE.of("c", NOW) == ModelFacts(names=("c",))


def test_an_operators_rows_count_before_the_files() -> None:
    own = ModelTable(FILE, (ModelFacts(names=("a-*",), sampling=True), ModelFacts(names=("*",), prefill=False)))
    assert (own.of("a-1", NOW).prefill, own.of("a-1", NOW).sampling) == (False, True)


def test_from_its_day_on_a_models_facts_are_its_successors() -> None:
    assert TABLE.of("a-2", NOW - 1).prefill is False
    assert TABLE.of("a-2", NOW).prefill is True


def test_a_model_without_a_successor_keeps_its_facts_and_says_since_when() -> None:
    assert TABLE.of("a-4", NOW) == ModelFacts(names=("a-4",), prefill=False, sampling=False, replaced_on=DAY)


def test_models_that_replace_each_other_end_the_search() -> None:
    assert TABLE.of("b-1", NOW).replaced_by in ("b-1", "b-2")


def test_data_is_old_after_its_time() -> None:
    assert not TABLE.is_old(at(DAY + FRESH_FOR))
    assert TABLE.is_old(at(DAY + FRESH_FOR + timedelta(days=1)))
