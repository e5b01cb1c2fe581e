"""The whole bill of a million photos, recomputed by hand for each way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmlens.errors import WarmlensError
from warmlens.planner.bill import Item, less_free_tier, scaled, total_usd
from warmlens.planner.photo import Api, PhotoBy, Usage, Way, needed_prices, photo_items
from warmlens.prices import read_prices

PRICES = read_prices()
MILLION = Usage(photos=1_000_000, gb_s=30_000)
FUNCTION_USD = 0.20 + 30_000 * 0.0000166667
BARE = Way(page=False, waf=False, logs=False, tracing=False)


def usd(way: Way, usage: Usage = MILLION) -> dict[str, float]:
    return {item.name: item.usd for item in photo_items(usage, way, PRICES)}


def total(way: Way, usage: Usage = MILLION) -> float:
    return total_usd(photo_items(usage, way, PRICES))


def test_a_photo_in_the_call_of_a_rest_api_is_one_call_and_the_function() -> None:
    # 1.7 KB of answer at $0.09 a GB.
    assert total(BARE) == pytest.approx(3.50 + FUNCTION_USD + 1.7 * 0.09)


def test_a_photo_in_the_call_of_an_http_api_is_a_dollar_for_each_512_kilobytes() -> None:
    http = replace(BARE, api=Api.HTTP)
    assert total(http) == pytest.approx(1.00 + FUNCTION_USD + 1.7 * 0.09)
    for size, dollars in ((524_288, 1), (524_289, 2), (600_000, 2), (4_400_000, 9)):
        assert usd(replace(http, photo_bytes=size))["API calls"] == pytest.approx(dollars)
        assert usd(replace(BARE, photo_bytes=size))["API calls"] == pytest.approx(3.50)


@pytest.mark.parametrize(("api", "dollars"), [(Api.REST, 7.00), (Api.HTTP, 2.00)])
def test_an_upload_is_two_calls_two_functions_and_s3(api: Api, dollars: float) -> None:
    way = replace(BARE, api=api, photo=PhotoBy.UPLOAD, photo_bytes=2_000_000, kept_days=7)
    uploads_usd = 0.20 + 20e-3 * 0.25 * 1e6 * 0.0000133334  # 20 ms at 256 MB of arm64
    s3_usd = 5.00 + 0.40 + 2_000 * 7 / 30 * 0.023  # 2 TB, kept for seven of thirty days
    answers_usd = (1.7 + 2.3) * 0.09
    expected = dollars + FUNCTION_USD + uploads_usd + s3_usd + answers_usd
    assert total(way) == pytest.approx(expected)


def test_what_is_around_a_call_is_paid_for_each_call() -> None:
    for photo, calls in ((PhotoBy.CALL, 1), (PhotoBy.UPLOAD, 2)):
        bare = usd(replace(BARE, photo=photo))
        whole = usd(replace(BARE, photo=photo, waf=True, tracing=True, page=True))
        gigabytes = 1.7 if calls == 1 else 4.0
        around = {name: whole[name] for name in whole.keys() - bare.keys()}
        assert around == {
            "web ACL": pytest.approx(0.60 * calls),
            "traces": pytest.approx(5.00 * 0.05 * calls),
            "CloudFront": pytest.approx(1.00 * calls),
            "CloudFront's function": pytest.approx(0.10 * calls),
        }
        assert whole["answers"] == pytest.approx(gigabytes * 0.085)  # by CloudFront
        assert {name: whole[name] for name in bare} == bare | {"answers": whole["answers"]}


def test_throttled_users_pay_for_the_api_and_not_for_the_function() -> None:
    some = usd(BARE, Usage(photos=1_000_000, classified=900_000, gb_s=27_000))
    assert some["API calls"] == pytest.approx(3.50)
    assert some["classifier's calls"] == pytest.approx(0.18)


def test_no_photos_cost_nothing() -> None:
    for photo in PhotoBy:
        assert photo_items(Usage(photos=0, gb_s=0), Way(photo=photo), PRICES) == []


def test_the_free_tier_is_taken_off_what_has_one() -> None:
    items = photo_items(Usage(photos=3_000_000, gb_s=500_000), Way(), PRICES)
    free = {item.name: item for item in less_free_tier(items, PRICES)}
    assert free["API calls"].usd == pytest.approx(10.50)  # API Gateway and web ACLs have none
    assert free["web ACL"].usd == pytest.approx(1.80)
    assert free["classifier's calls"].usd == pytest.approx(0.40)  # two of three millions
    assert free["classifier's time on demand"].usd == pytest.approx(100_000 * 0.0000166667)
    assert free["CloudFront"].usd == free["answers"].usd == 0
    assert [item.quantity for item in free.values()] == [item.quantity for item in items]


def test_items_of_one_allowance_share_it() -> None:
    gb_s = Item("x86", 300_000, "GB-s", "lambda_x86_per_gb_s", 5.0)
    arm = Item("arm", 300_000, "GB-s", "lambda_arm_per_gb_s", 4.0)
    first, second = less_free_tier([gb_s, arm], PRICES)
    assert first.usd == 0
    assert second.usd == pytest.approx(200_000 * 0.0000133334)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"photo_bytes": 0}, "bad_photo_size"),
        ({"photo_bytes": 4_400_001}, "bad_photo_size"),
        ({"photo": PhotoBy.UPLOAD, "photo_bytes": 10**9}, "bad_photo_size"),
        ({"kept_days": -1}, "bad_photo_size"),
        ({"api": Api.HTTP}, "bad_api"),
    ],
)
def test_a_way_that_cannot_be_is_refused(bad: dict[str, object], code: str) -> None:
    with pytest.raises(WarmlensError) as error:
        Way(**bad)  # type: ignore[arg-type]
    assert error.value.code == code


ways = st.builds(
    replace,
    st.sampled_from([BARE, replace(BARE, api=Api.HTTP)]),
    photo=st.sampled_from(PhotoBy),
    photo_bytes=st.integers(1, 4_400_000),
    page=st.booleans(),
    logs=st.booleans(),
    tracing=st.booleans(),
    kept_days=st.floats(0, 365),
)


@given(ways, st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 4_400_000))
def test_more_never_costs_less(way: Way, photos: float, more: float, further: int) -> None:
    few = Usage(photos=photos, gb_s=photos)
    many = Usage(photos=photos + more, gb_s=photos + more)
    items, dearer = (photo_items(each, way, PRICES) for each in (few, many))
    assert total_usd(items) <= total_usd(dearer) * (1 + 1e-9)
    paid = total_usd(less_free_tier(items, PRICES))
    assert 0 <= paid <= total_usd(less_free_tier(dearer, PRICES)) * (1 + 1e-9)
    assert paid <= total_usd(items)
    larger = replace(way, photo_bytes=min(4_400_000, way.photo_bytes + further))
    assert total(way, few) <= total(larger, few) * (1 + 1e-9)
    assert {item.price for item in items} <= {*needed_prices(way), "lambda_x86_per_gb_s"}
    assert total_usd(scaled(items, 2)) == pytest.approx(2 * total_usd(items))
