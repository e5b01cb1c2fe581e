"""`warmlens watch` of the local cloud, and of an environment whose AWS is the emulator."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.busy_instances import end_instances, fleet
from tests.conftest import Cloud, run_warmlens

BURST = "_local/burst"


def watched(cloud: Cloud) -> dict[str, Any]:
    result = run_warmlens("watch", "--folder", str(cloud.folder), "--json")
    assert (result.returncode, result.stderr) == (0, "")
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_photo_that_met_a_cold_start_and_a_wakeup_that_absorbed_one_are_counted_apart(
    cloud: Cloud,
) -> None:
    before = watched(cloud)
    end_instances(cloud)
    cloud.post("wakeup", {"method": "wakeup"})
    end_instances(cloud)
    assert cloud.post(BURST, {"calls": 1}).json()["cold"] == 1
    after = watched(cloud)
    grown = {
        name: after["cold_starts"][name] - before["cold_starts"][name]
        for name in ("met", "ahead", "photos")
    }
    assert grown == {"met": 1, "ahead": 1, "photos": 1}
    assert sum(after["instances"].values()) == len(fleet(cloud)["instances"]) == 1
    assert after["calls"]["per_minute"][-1] >= 1
    assert after["calls"]["slowest_ms"] > 0
    assert after["cost"] is None


def deploy(cloud: Cloud, name: str, role: str) -> None:
    """Create what a watch reads of an environment: outputs and the functions' configurations."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context): ...\n")
    ssm, lambda_ = cloud.client("ssm"), cloud.client("lambda")
    function = f"warmlens-{name}-classifier"
    outputs = {"ApiKind": "rest", "ApiId": "abc", "ClassifierFunction": function}
    for output, value in outputs.items():
        ssm.put_parameter(Name=f"/warmlens/{name}/{output}", Value=value, Type="String")
    for each, memory_mb in ((function, 1024), (f"warmlens-{name}-uploads", 256)):
        lambda_.create_function(
            FunctionName=each,
            Runtime="python3.12",
            Role=role,
            Handler="handler.handle",
            Code={"ZipFile": packed.getvalue()},
            MemorySize=memory_mb,
            Publish=True,
        )
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="1")


def test_an_environment_is_read_from_its_metrics(cloud: Cloud, shell: dict[str, str]) -> None:
    role = cloud.client("lambda").list_functions()["Functions"][0]["Role"]
    deploy(cloud, "watched", role)
    nothing = run_warmlens("watch", "--env", "watched", "--once", **shell)
    assert "CloudWatch has no values yet" in nothing.stdout, nothing.stderr

    at = datetime.now(UTC) - timedelta(minutes=2)
    own = [{"Name": "Environment", "Value": "watched"}]
    function = [{"Name": "FunctionName", "Value": "warmlens-watched-classifier"}]
    cloudwatch = cloud.client("cloudwatch")
    for namespace, dimensions, values in (
        ("Warmlens", own, {"LatencyMs": [40.0, 80.0], "ColdStart": [1.0, 0.0]}),
        ("AWS/Lambda", function, {"Invocations": [2.0], "Duration": [40.0, 80.0]}),
    ):
        data = [
            {"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value}
            for metric, found in values.items()
            for value in found
        ]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    result = run_warmlens("watch", "--env", "watched", "--json", **shell)
    assert result.returncode == 0, result.stdout
    reading = json.loads(result.stdout)
    assert (reading["calls"]["photos"], reading["calls"]["mean_ms"]) == (2, 60.0)
    assert reading["calls"]["slowest_ms"] == 80.0
    assert (reading["instances"], reading["warmth"]) == (None, None)
    if at.date() == datetime.now(UTC).date():
        assert reading["cold_starts"]["met"] == 1
        assert reading["cost"]["parts"]["classifier"] > 0


def test_an_environment_that_is_not_deployed_says_so(shell: dict[str, str]) -> None:
    result = run_warmlens("watch", "--env", "nowhere", "--json", **shell)
    assert result.returncode == 3
    assert json.loads(result.stdout)["error"]["code"] == "not_found"
