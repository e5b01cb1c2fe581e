"""Files and numbers that the planner reads, and the errors of invalid ones."""

import itertools
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.planner import options
from warmlens.planner.distribution import Distribution, constant
from warmlens.planner.objective import read_objective
from warmlens.planner.scenario import InstanceLifetimes, Scenario, WarmingPolicy, by_hour
from warmlens.planner.service_times import OTHER_SHARE, SERVICE_TIMES, pick, read_measured
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import Bursts, Profile, constant_rate
from warmlens.planner.traffic_files import read_traffic
from warmlens.prices import FOLDER, known_names, read_prices, regions
from warmlens.records import Record, read_records, write_records
from warmlens.registry.manifest_file import read_manifest

DAY = "hour,requests\n" + "".join(f"{hour},{hour * 36}\n" for hour in range(24))


def test_the_bytes_of_the_default_model_are_those_of_its_manifest() -> None:
    model = MODEL_ARTIFACTS / "products-resnet50" / "1.1.0"
    assert read_manifest(model).files.bytes == options.MODEL_BYTES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "traffic.csv"


def test_a_profile_gives_each_hour_its_requests(file: Path) -> None:
    file.write_text(DAY)
    profile = read_traffic(file)
    assert isinstance(profile, Profile)
    assert profile.rates_per_s[10] == pytest.approx(0.1)
    assert profile.expected(86_400) == pytest.approx(36 * sum(range(24)))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (DAY.replace("5,180", "5,-3"), "negative_rate", "hour 5 is -3"),
        (DAY.replace("5,180", "5,nan"), "bad_rate", "nan"),
        (DAY.replace("5,180", "5,many"), "bad_profile", "many"),
        (DAY.replace("5,180\n", ""), "bad_profile", "hours 5 are missing"),
        (DAY.replace("5,180", "4,180"), "bad_profile", "hour 4"),
        ("time,count\n1,2\n", "bad_traffic", "time,count"),
        ("", "bad_traffic", "is empty"),
        ("arrival_s\n", "empty_trace", "no arrivals"),
        ("arrival_s\n5\n4\n", "unordered_trace", "line 3: 4 s comes after 5 s"),
        ("arrival_s\n-1\n", "bad_trace", "line 2"),
        ("arrival_s\n1\nsoon\n", "bad_trace", "line 3"),
        ("arrival_s\n1\ninf\n", "bad_trace", "line 3"),
    ],
)
def test_bad_traffic_is_an_error_with_a_code(file: Path, text: str, code: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(WarmlensError, match=words) as error:
        read_traffic(file)
    assert error.value.code == code


def test_a_missing_traffic_file_is_an_error(file: Path) -> None:
    with pytest.raises(WarmlensError) as error:
        read_traffic(file)
    assert error.value.code == "unreadable_traffic"


def cloudwatch(points: list[tuple[str, float]]) -> dict[str, Any]:
    points_as_printed = [
        {"Timestamp": moment, "Sum": count, "Unit": "Count"} for moment, count in points
    ]
    return {"Label": "Invocations", "Datapoints": points_as_printed}


def test_a_cloudwatch_export_is_read_in_any_order_at_its_time_of_day(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    points = [("2026-11-02T13:00:00+00:00", 7200.0), ("2026-11-02T12:00:00+00:00", 3600.0)]
    file.write_text(json.dumps(cloudwatch(points)))
    profile = read_traffic(file)
    assert isinstance(profile, Profile)
    assert len(profile.rates_per_s) == 24
    assert profile.rates_per_s[12:14] == (1.0, 2.0)
    assert sum(profile.rates_per_s) == 3.0
    series = [{"Id": "calls", "Timestamps": [a for a, _ in points], "Values": [7200.0, 3600.0]}]
    file.write_text(json.dumps({"MetricDataResults": series}))
    again = read_traffic(file)
    assert isinstance(again, Profile)
    assert again.rates_per_s == profile.rates_per_s


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (
            {"Datapoints": [{"Timestamp": "2026-11-02T12:00:00Z", "Average": 3}]},
            "bad_cloudwatch_export",
        ),
        ({"rows": []}, "bad_cloudwatch_export"),
        (
            cloudwatch([("2026-11-02T12:00:00Z", 1), ("2026-11-02T12:00:00Z", 1)]),
            "bad_cloudwatch_export",
        ),
        (
            cloudwatch([("2026-11-02T12:00:00Z", 1), ("2026-11-02T12:00:07Z", 1)]),
            "bad_cloudwatch_export",
        ),
        (cloudwatch([("2026-11-02T12:00:00Z", 1)]), "empty_trace"),
        (cloudwatch([("2026-11-02T12:00:00Z", -1), ("2026-11-02T13:00:00Z", 1)]), "negative_rate"),
    ],
)
def test_a_bad_cloudwatch_export_is_an_error_with_a_code(
    tmp_path: Path, document: dict[str, Any], code: str
) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(document))
    with pytest.raises(WarmlensError) as error:
        read_traffic(file)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: constant_rate(-1), "negative_rate"),
        (lambda: Bursts(size=0, per_hour=1), "bad_burst"),
        (lambda: Bursts(size=1, per_hour=-1), "negative_rate"),
        (lambda: constant(-1), "bad_time"),
        (lambda: Distribution("table", (2.0, 1.0), (0.0, 1.0)), "bad_quantiles"),
        (lambda: InstanceLifetimes(shortest_idle_s=10, longest_idle_s=5), "bad_lives"),
        (lambda: WarmingPolicy(by_hour=(1, 2)), "bad_warm_instances"),
        (lambda: WarmingPolicy(by_hour=by_hour(1), period_s=10), "bad_period"),
        (lambda: Scenario(init=constant(0), service=constant(1), concurrency=0), "bad_concurrency"),
        (
            lambda: Scenario(init=constant(0), service=constant(1), provisioned_by_hour=(1,)),
            "bad_provisioned",
        ),
        (
            lambda: simulate(
                Scenario(init=constant(0), service=constant(1)),
                constant_rate(1),
                horizon_s=0,
                seed=1,
            ),
            "bad_horizon",
        ),
        (lambda: read_objective("p99<1s", None), "bad_slo"),
        (lambda: read_objective("p99=1s", "200%"), "bad_cold_share"),
        (lambda: read_objective("p99=1s", "few"), "bad_cold_share"),
    ],
)
def test_numbers_out_of_range_are_errors_with_a_code(make: Any, code: str) -> None:
    with pytest.raises(WarmlensError) as error:
        make()
    assert error.value.code == code


def test_objectives_are_read_with_their_units() -> None:
    objective = read_objective("p99.9=400ms", "0.1%")
    assert (objective.percent, objective.latency_ms) == (99.9, 400.0)
    assert objective.cold_share == pytest.approx(0.001)
    assert read_objective("p95=1.5s", "0.001").latency_ms == 1500.0


# Service times


def test_memory_sizes_with_both_figures_are_read() -> None:
    measured = read_measured([SERVICE_TIMES], input_px=224)
    assert (1769, "image") in {(each.memory_mb, each.model_store) for each in measured}
    for each in measured:
        assert each.cold_ms > each.warm_ms > 0
        # Half of the calls take the median at most, and init ends before the first answer.
        assert each.service.values_s[1] == pytest.approx(each.warm_ms / 1000)
        assert each.init.values_s[1] == pytest.approx((each.cold_ms - each.warm_ms) / 1000)
    with pytest.raises(WarmlensError, match="was not measured; measured: ") as error:
        pick(measured, 1000, "image")
    assert error.value.code == "not_measured"


def test_the_usual_sizes_and_stores_were_measured_with_the_shipped_model() -> None:
    measured = read_measured([ROOT / "docs" / "lab" / "records" / "speed-alone.jsonl"])
    sizes = (512, 768, 1024, 1769, 3008)
    assert {each.key[1:] for each in measured} == set(itertools.product(sizes, ("image", "s3")))
    for each in measured:
        assert each.cold_ms > each.warm_ms > 0


def test_a_size_without_measurements_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WarmlensError) as error:
        read_measured([SERVICE_TIMES], input_px=299)
    assert error.value.code == "not_measured"
    file = tmp_path / "speed.jsonl"
    file.write_text("no records\n")
    with pytest.raises(WarmlensError) as error:
        read_measured([file])
    assert error.value.code == "bad_speed_records"


def test_times_say_so_where_their_processor_share_was_not_lambdas(tmp_path: Path) -> None:
    text = SERVICE_TIMES.read_text(encoding="utf-8")
    records = [
        replace(each, conditions={k: v for k, v in each.conditions.items() if k != "period_ms"})
        for each in read_records(text)
    ]
    old, now = tmp_path / "old.jsonl", tmp_path / "now.jsonl"
    old.write_text(write_records(records), encoding="utf-8")
    shared = [replace(each, conditions={**each.conditions, "period_ms": 20}) for each in records]
    now.write_text(write_records(shared), encoding="utf-8")
    of_old = {each.memory_mb: OTHER_SHARE in each.source for each in read_measured([old])}
    assert of_old == {512: True, 768: True, 1024: True, 1769: True, 3008: False}
    assert not any(OTHER_SHARE in each.source for each in read_measured([now]))


def speed_file(folder: Path, **fields: Any) -> Path:
    """Records of one memory size, with these fields."""
    conditions = {"memory_mb": 1769, "input_px": 128, "vcpu": 1.0, "page_cache": "warm"}
    about: dict[str, Any] = {
        "kind": "measured",
        "command": "test",
        "machine": "x86_64",
        "date": "2026-12-01",
    }
    records = [
        Record(
            name="ours", metric=metric, value=value, unit="ms", samples=30, **about, **fields,
            conditions={**conditions, "model_store": "image", "megapixels": 2},
        )
        for metric, value in (("cold_start_ms", 115.0), ("warm_ms", 15.0))
    ]  # fmt: skip
    file = folder / "speed.jsonl"
    file.write_text(write_records(records))
    return file


def test_times_of_a_quick_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WarmlensError, match="line 1 is of a quick run") as error:
        read_measured([speed_file(tmp_path, mode="quick")])
    assert error.value.code == "bad_speed_records"
    assert read_measured([speed_file(tmp_path)])


def test_the_slowest_stands_for_percentiles_that_the_samples_do_not_carry(tmp_path: Path) -> None:
    (few,) = read_measured([speed_file(tmp_path, largest=200.0)])
    assert few.service.values_s == (0.015, 0.015, 0.2, 0.2, 0.2)
    (many,) = read_measured([speed_file(tmp_path, p95=120.0, p99=150.0, largest=300.0)])
    assert many.service.values_s == (0.015, 0.015, 0.12, 0.15, 0.3)
    (timed,) = read_measured([speed_file(tmp_path, mean=100.0, mean_interval=(90.0, 110.0))])
    assert (few.service_half_share, timed.service_half_share) == (None, 0.1)
    (before,) = read_measured([speed_file(tmp_path, p95=120.0, p99=160.0)])
    assert before.service.values_s == (0.015, 0.015, 0.12, 0.16, 0.17)


def test_the_kept_service_times_are_records() -> None:
    records = read_records(SERVICE_TIMES.read_text())
    assert read_records(write_records(records)) == records
    assert all(isinstance(each, Record) and each.kind for each in records)


# Prices


def test_each_price_of_each_region_has_a_source_and_its_date() -> None:
    assert {"us-east-1", "eu-west-1", "ap-northeast-2"} <= set(regions())
    for region in regions():
        document = json.loads((FOLDER / f"{region}.json").read_text())
        assert document["region"] == region
        sourced = [name for each in document["sources"] for name in each["prices"]]
        assert sorted(sourced) == sorted(document["prices"])
        for each in document["sources"]:
            assert date.fromisoformat(each["date"]) <= date.today()
            assert each["source"]
        # What one region has, another has or names as missing, with a reason.
        assert document["prices"].keys() | document["missing"].keys() == known_names()
        assert not document["prices"].keys() & document["missing"].keys()
        assert all(document["missing"].values())


def test_a_missing_price_is_an_error_and_never_zero() -> None:
    prices = read_prices("ap-northeast-2")
    with pytest.raises(
        WarmlensError, match=r"no price efs_per_gb_month for ap-northeast-2 \(no source was found"
    ) as error:
        prices["efs_per_gb_month"]
    assert error.value.code == "price_missing"


def test_a_missing_price_can_be_given_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    document = {"region": "ap-northeast-2", "date": "2027-01-01", "prices": {}}
    file.write_text(json.dumps(document | {"prices": {"efs_per_gb_month": 0.33}}))
    prices = read_prices("ap-northeast-2", file)
    assert prices["efs_per_gb_month"] == 0.33
    with pytest.raises(WarmlensError, match="no price efs_read_per_gb for ap-northeast-2"):
        prices["efs_read_per_gb"]


def test_an_unknown_region_is_an_error_without_its_prices(tmp_path: Path) -> None:
    known = "known are ap-northeast-2, eu-west-1, us-east-1; give one of them, or"
    with pytest.raises(WarmlensError, match=known) as error:
        read_prices("eu-north-9")
    assert error.value.code == "unknown_region"
    file = tmp_path / "prices.json"
    file.write_text(
        json.dumps({"region": "eu-north-9", "date": "2026-11-24", "prices": {"s3_per_get": 1.0}})
    )
    assert read_prices("eu-north-9", file)["s3_per_get"] == 1.0


def test_prices_of_a_file_replace_those_of_the_region(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    document = {"region": "us-east-1", "date": "2027-01-01", "prices": {"s3_per_get": 1.0}}
    file.write_text(json.dumps(document))
    prices = read_prices("us-east-1", file)
    assert prices["s3_per_get"] == 1.0
    assert prices["lambda_per_request"] == read_prices()["lambda_per_request"]
    with pytest.raises(WarmlensError, match="for us-east-1, not for eu-west-1"):
        read_prices("eu-west-1", file)
    for wrong in (-1, "free", None, True):
        file.write_text(json.dumps({**document, "prices": {"s3_per_get": wrong}}))
        with pytest.raises(WarmlensError, match="not a price"):
            read_prices("us-east-1", file)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"currency": "EUR"}, "the currency is EUR; give prices in USD"),
        ({"price": {"s3_per_get": 2.0}}, "price: unknown; a file of prices has currency, date"),
        ({"missing": ["s3_per_put"]}, "missing has a reason as text for each name"),
        (
            {"missing": {"s3_per_get": "unknown"}},
            "s3_per_get: has a price and is listed as missing",
        ),
    ],
)
def test_nothing_in_a_file_of_prices_is_dropped(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    file = tmp_path / "prices.json"
    document = {"region": "us-east-1", "date": "2027-01-01", "prices": {"s3_per_get": 1.0}}
    file.write_text(json.dumps(document | more))
    with pytest.raises(WarmlensError, match=words) as error:
        read_prices("us-east-1", file)
    assert error.value.code == "bad_prices"
