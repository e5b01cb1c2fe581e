"""Numbers of instances that are tried for each hour."""

from tests.unit.planner.plan_requests import DAY
from warmlens.planner.candidates import busiest_rates, instance_profiles, poisson_quantile
from warmlens.planner.scenario import by_hour
from warmlens.planner.traffic import Profile


def test_n_is_the_number_of_calls_at_once_that_is_rarely_exceeded() -> None:
    assert poisson_quantile(0.0, 0.1) == 0
    assert poisson_quantile(1.0, 0.01) == 4  # 1 - F(3) = 0.019, 1 - F(4) = 0.0037
    assert poisson_quantile(1000.0, 0.01) > 1000
    profiles = set(instance_profiles(DAY, 0.02))
    assert by_hour(1) in profiles
    assert any(min(each) < max(each) for each in profiles)
    assert any(max(each) >= 4 for each in profiles)


def test_the_busiest_rate_of_an_hour_is_taken_over_all_days_and_parts() -> None:
    two_days = Profile(rates_per_s=(*(1.0,) * 24, *(2.0,) * 24))
    assert busiest_rates(two_days) == [2.0] * 24
    quarters = Profile(rates_per_s=(0.0, 0.0, 3.0, 0.0) * 24, segment_s=900.0)
    assert busiest_rates(quarters) == [3.0] * 24
