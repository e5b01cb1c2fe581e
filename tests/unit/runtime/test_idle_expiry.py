"""Idle expiry: parsed from the option, drawn for each instance."""

import random

import pytest

from warmlens.runtime.idle_expiry import IdleExpiry, idle_expiry_from_minutes


def test_one_number_is_the_same_for_all() -> None:
    expiry = idle_expiry_from_minutes("10")
    assert {expiry() for _ in range(5)} == {600.0}


def test_a_range_gives_each_instance_its_own_time_within_it() -> None:
    expiry = idle_expiry_from_minutes("5-60")
    drawn = [expiry() for _ in range(200)]
    assert all(300 <= each <= 3600 for each in drawn)
    assert min(drawn) < 600
    assert max(drawn) > 3000


def test_the_same_seed_draws_the_same_times() -> None:
    first, second = (IdleExpiry(60, 3600, random.Random(7)) for _ in range(2))
    assert [first() for _ in range(5)] == [second() for _ in range(5)]


@pytest.mark.parametrize("text", ["", "0", "60-5", "-5", "5-", "ten", "5 - 60", "1e3", "nan"])
def test_what_is_no_time_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="idle expiry"):
        idle_expiry_from_minutes(text)
