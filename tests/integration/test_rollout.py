"""A bad version that is rolled out under load goes back, and costs no more than the canary's share.

The emulator moves no calls by weight, so the alias is simulated here: its weights and the moment at
which CodeDeploy looks at the alarms. The alarms' thresholds are those of the template.
"""

import asyncio
import json
import shutil
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cloud, start_cloud
from tests.infrastructure.variants import VARIANTS, Assembly, synthesize
from tests.integration import serving_harness
from tests.integration.classifier_harness import (
    CLASSIFY,
    FOLDER,
    HANDLER,
    METRICS,
    NAME,
    calling,
    classifier_environment,
)
from tests.integration.serving_harness import model, publish, publish_what_is_no_model
from warmlens.paths import LAMBDA_SRC, WEB
from warmlens.registry.publish import publish_model
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.pool import InstancePool

artifacts = serving_harness.artifacts  # a fixture

CANARY_EVERY = 10  # LambdaCanary10Percent5Minutes
CALLS_PER_LOOK = 60  # calls between two looks at the alarms
CALLS = 180
AT_ONCE = 4


@pytest.fixture(scope="module")
def thresholds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The sums per minute that the alarms of a canary go back on."""
    folder = tmp_path_factory.mktemp("plain")
    synthesize(folder, VARIANTS["plain"])
    alarms = Assembly("plain", folder / "assembly-plain").resources("AWS::CloudWatch::Alarm")
    watched = [each["Properties"] for each in alarms if each["Properties"].get("Period") == 60]
    return {str(each["MetricName"]): float(each["Threshold"]) for each in watched}


@dataclass
class Alias:
    """The alias `live` during a deployment: every tenth call goes to the new version.

    Attributes:
        pool: runs both versions.
        lines: their log.
        thresholds: what the deployment goes back on.
        shifting: whether the new version still gets calls.
        outcomes: the version that each call went to, and what its caller was told.
    """

    pool: InstancePool
    lines: list[str]
    thresholds: dict[str, float]
    shifting: bool = True
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    _sent: int = 0

    async def call(self) -> None:
        self._sent += 1
        version = "2" if self.shifting and self._sent % CANARY_EVERY == 0 else "1"
        result = await self.pool.invoke(
            function="classifier",
            version=version,
            payload=json.dumps(CLASSIFY).encode(),
            request_id=uuid.uuid4().hex,
        )
        if result.error is not None:
            told = "Errors"
        else:
            answer = json.loads(result.payload)
            told = answer.get("TOP1_label") or answer["error"]["code"]
        self.outcomes.append((version, told))

    def look(self) -> None:
        """What CodeDeploy does each minute: go back if an alarm is raised."""
        sums: Counter[str] = Counter(told for _, told in self.outcomes if told == "Errors")
        for line in self.lines:
            if '"_aws"' in line:
                metrics = json.loads(line[line.index("{") :])
                for name in ("Fault", "ModelLoadFailure"):
                    sums[name] += metrics.get(name, 0)
        if any(sums[name] >= threshold for name, threshold in self.thresholds.items()):
            self.shifting = False


@dataclass(frozen=True)
class Version:
    """What is rolled out: variables that differ, and a change of the code."""

    variables: dict[str, str] = field(default_factory=dict)
    change: Callable[[str], str] = lambda source: source


BAD = {
    "a model that is not there": Version({"MODEL_VERSION": "9.9.9"}),
    "a model that was altered": Version({"MODEL_VERSION": "6.6.6"}),
    "code that fails in each call": Version(
        change=lambda source: source.replace("model = INSTANCE.model()", "model = INSTANCE.gone()")
    ),
    "code that cannot be imported": Version(change=lambda source: "import nothing_like_it\n"),
    "code that ends its instance": Version(
        change=lambda source: source.replace("stages = Stages()", "os._exit(1)", 1)
    ),
}


def source_of(version: Version, folder: Path) -> Path:
    root = folder / "lambda_src"
    shutil.copytree(LAMBDA_SRC, root, ignore=shutil.ignore_patterns("__pycache__"))
    handler = root / "classifier" / "handler.py"
    handler.write_text(version.change(handler.read_text()))
    return root


@pytest.fixture
async def roll_out(
    cloud: Cloud, s3: Any, bucket: str, runtime_python: str, tmp_path: Path, thresholds: Any
) -> AsyncIterator[Callable[[Version], Any]]:
    """Starts to roll a version out behind the alias."""
    publish_model(FOLDER, bucket, s3)
    for path in FOLDER.iterdir():
        data = path.read_bytes().replace(b'"1.1.0"', b'"6.6.6"')
        if path.name == "model.onnx":
            data = data[:-1] + b"\1"
        s3.put_object(Bucket=bucket, Key=f"{NAME}/6.6.6/{path.name}", Body=data)
    photo = (WEB / "samples" / "coffee.jpg").read_bytes()
    s3.put_object(Bucket=bucket, Key=CLASSIFY["file_path"], Body=photo)
    new: list[tuple[Version, Path]] = []

    def spec_of(number: str) -> FunctionSpec:
        version, root = new[0] if number == "2" else (Version(), LAMBDA_SRC)
        return FunctionSpec(
            name="classifier",
            version=number,
            memory_mb=1769,
            timeout_s=25,
            environment={**classifier_environment(bucket), **METRICS, **version.variables},
            handler=HANDLER,
            command=(runtime_python, "-m", "awslambdaric", HANDLER),
            task_root=root,
        )

    async with calling(spec_of, cloud.aws()) as call:

        def begin(version: Version) -> Alias:
            new.append((version, source_of(version, tmp_path)))
            return Alias(call.pool, call.lines, thresholds)

        yield begin


async def under_load(alias: Alias, *, calls_per_look: int = CALLS_PER_LOOK) -> None:
    """Send calls, some at once, and look at the alarms in between."""
    for _ in range(CALLS // calls_per_look):
        left = iter(range(calls_per_look))

        async def user(left: Iterator[int] = left) -> None:
            for _ in left:
                await alias.call()

        await asyncio.gather(*(user() for _ in range(AT_ONCE)))
        alias.look()


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_version_is_rolled_back_and_costs_the_canarys_share_at_most(
    roll_out: Callable[[Version], Alias], name: str
) -> None:
    alias = roll_out(BAD[name])
    await under_load(alias)
    assert alias.shifting is False
    failed = [(version, told) for version, told in alias.outcomes if told != "espresso"]
    assert {version for version, _ in failed} == {"2"}
    # It was taken back at the first look: what came before is all there is.
    assert 0 < len(failed) <= CALLS_PER_LOOK / CANARY_EVERY
    assert len(alias.outcomes) == CALLS


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_version_is_rolled_back_when_there_are_few_calls_too(
    roll_out: Callable[[Version], Alias], name: str
) -> None:
    alias = roll_out(BAD[name])
    per_look = 2 * CANARY_EVERY
    await under_load(alias, calls_per_look=per_look)
    failed = [version for version, told in alias.outcomes if told != "espresso"]
    assert 0 < len(failed) <= per_look / CANARY_EVERY
    assert alias.shifting is False


async def test_a_good_version_is_not_rolled_back(roll_out: Callable[[Version], Alias]) -> None:
    alias = roll_out(Version())
    await under_load(alias)
    assert alias.shifting is True
    assert Counter(alias.outcomes) == {
        ("1", "espresso"): CALLS * (CANARY_EVERY - 1) / CANARY_EVERY,
        ("2", "espresso"): CALLS / CANARY_EVERY,
    }


@pytest.fixture
def own_cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud of its own: which model it serves is changed here."""
    cloud, process = start_cloud(tmp_path, "--model", NAME)
    yield cloud
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0


def test_publishing_serving_and_rolling_back_under_load_drops_no_call(
    own_cloud: Cloud, artifacts: Path
) -> None:
    ended = threading.Event()
    answers: list[tuple[int, str | None, str | None]] = []

    def user() -> None:
        while not ended.is_set():
            answer = own_cloud.post("classification", CLASSIFY)
            body = answer.json()
            answers.append((answer.status_code, body.get("version"), body.get("TOP1_label")))

    def until_answered_by(version: str) -> None:
        while version not in {each for _, each, _ in tuple(answers)}:
            assert all(each.is_alive() for each in users)
            time.sleep(0.05)

    users = [threading.Thread(target=user) for _ in range(3)]
    for each in users:
        each.start()
    try:
        until_answered_by("1.1.0")
        publish(own_cloud, artifacts, "1.2.0")
        model(own_cloud, "serve", NAME, "1.2.0")
        until_answered_by("1.2.0")
        publish_what_is_no_model(own_cloud.client("s3"), artifacts.parent / "no-model")
        model(own_cloud, "serve", NAME, "6.6.6", refused="model_unavailable")
        model(own_cloud, "rollback")
    finally:
        ended.set()
        for each in users:
            each.join()
    assert Counter(status for status, _, _ in answers) == {200: len(answers)}
    assert {label for _, _, label in answers} == {"espresso"}
    assert {version for _, version, _ in answers} == {"1.1.0", "1.2.0"}
    assert own_cloud.post("classification", CLASSIFY).json()["version"] == "1.1.0"
