"""Coverage, where it is measured at all, is not in what tries thousands of cases."""

import pytest
from coverage import Coverage
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.search
def test_a_search_is_not_measured() -> None:
    assert Coverage.current() is None


@given(st.booleans())
def test_a_property_is_not_either(case: bool) -> None:
    assert Coverage.current() is None


def test_everything_else_is(request: pytest.FixtureRequest) -> None:
    wanted = bool(request.config.getoption("cov_source")) and not request.config.getoption("no_cov")
    assert (Coverage.current() is not None) == wanted
