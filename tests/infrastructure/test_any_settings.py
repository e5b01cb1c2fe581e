"""Property tests: invalid settings raise an error that names a setting.

`tests/changes/test_any_settings.py` synthesizes valid ones.
"""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.settings import Settings, SettingsError
from tests.infrastructure.any_settings import VALUES, refused

UNSUITABLE = st.one_of(
    st.integers(-(2**40), -1), st.floats(), st.binary(), st.just("?!"), st.just((None,))
)


def test_every_setting_is_drawn_here() -> None:
    assert set(VALUES) == {field.name for field in dataclasses.fields(Settings)}


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(VALUES)), UNSUITABLE)
def test_a_value_that_is_none_of_a_setting_is_refused_by_the_settings_name(
    name: str, value: object
) -> None:
    values: dict[str, Any] = {"env_name": "test", name: value}
    with pytest.raises(SettingsError, match=rf"{name} = "):
        Settings(**values)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.fixed_dictionaries(VALUES))
def test_settings_that_do_not_fit_together_are_refused_by_a_settings_name(
    values: dict[str, Any],
) -> None:
    name = None
    try:
        Settings(**values)
    except SettingsError as refusal:
        name = refused(refusal)
    assert name is None or name in VALUES
