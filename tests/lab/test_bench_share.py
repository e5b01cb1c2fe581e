"""The processor share of measured instances, and the pages' sentence where it was another one."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lab import docs_blocks
from lab.bench.speed.process import Implementation, InstanceUnderTest, rest_s, share_conditions
from lab.experiments import concurrency, flow, memory, stages
from lab.experiments.experiment import Experiment, Mode
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.memory import memory_section
from lab.experiments.sections.stages import stages_section
from lab.experiments.target import Target
from lab.kept_records import kept_records
from lab.period import period_note, up_to_a_processor
from warmlens.paths import ROOT
from warmlens.records import Record, read_records, write_records
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.cgroups import Cgroups, find_cgroups
from warmlens.runtime.isolation import Confinement, Limits, limits_of

SENTENCE = "were kept in periods of 100 ms"
HANDLER = """
import json, time

def burn():
    end_s = time.thread_time() + 0.03
    while time.thread_time() < end_s:
        pass

burn()
print(json.dumps({"message": "init", "stages_ms": {}}), flush=True)

def handler(event, context):
    burn()
    return {"TOP1_ID": "1", "stages_ms": {}}
"""


@dataclass
class CountedIsolation:
    """Control groups that read how many periods the kernel counted: before a call, at the end."""

    cgroups: Cgroups
    counted: list[int] = field(default_factory=list)
    description: str = "counted"

    def confine(self, pid: int, limits: Limits) -> Confinement:
        return _Counted(self.cgroups.confine(pid, limits), pid, self.counted)


@dataclass
class _Counted:
    confinement: Confinement
    pid: int
    counted: list[int]

    def count(self) -> None:
        (stat,) = Path("/sys/fs/cgroup").rglob(f"warmlens-{self.pid}/cpu.stat")
        words = dict(line.split() for line in stat.read_text(encoding="utf-8").splitlines())
        self.counted.append(int(words["nr_periods"]))

    def begin_call(self) -> None:
        self.count()
        self.confinement.begin_call()

    def release(self) -> None:
        self.count()
        self.confinement.release()


def test_a_measured_init_runs_at_full_speed_and_its_first_call_does_not(tmp_path: Path) -> None:
    cgroups = find_cgroups()
    if cgroups is None:
        pytest.skip("this user may make no control groups")
    (tmp_path / "burns.py").write_text(HANDLER, encoding="utf-8")
    impl = Implementation(
        name="ours",
        python=Path(sys.executable),
        module="burns",
        path=tmp_path,
        environment={},
        files=(),
    )
    isolation, share = CountedIsolation(cgroups), limits_of(128).vcpus
    with InstanceUnderTest(impl, isolation=isolation, vcpus=share, file_path="any") as instance:
        assert instance.ready.cpu_s > 0.03
    before_the_call, at_the_end = isolation.counted
    assert before_the_call == 0
    assert at_the_end > 0


def test_a_call_finds_its_share_whole_and_begins_at_any_moment_of_a_period() -> None:
    rests = [rest_s(limits_of(128).vcpus) for _ in range(100)]
    assert min(rests) > 0.005 / limits_of(128).vcpus
    assert max(rests) - min(rests) > 0.010


@pytest.mark.parametrize("experiment", [stages, memory, flow, concurrency])
def test_measurements_of_a_share_name_its_period_the_rule_for_init_and_the_means(
    experiment: object,
) -> None:
    whole: Experiment = vars(experiment)["EXPERIMENT"]
    share = share_conditions(best_isolation())
    assert {"period_ms": 20, "init": "at full speed"}.items() <= share.items()
    steps = [
        each
        for each in whole.steps(Mode.QUICK, Target())
        if each.name in ("ours", "baseline", concurrency.REAL)
    ]
    assert all(share.items() <= each.conditions.items() for each in steps)


def measured_now(records: list[Record]) -> list[Record]:
    return [replace(each, conditions={**each.conditions, "period_ms": 20}) for each in records]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, list[Record]], None]:
    """Puts records of a name in the place of the kept ones."""

    def keep(name: str, records: list[Record]) -> None:
        (tmp_path / f"{name}.jsonl").write_text(write_records(records), encoding="utf-8")
        monkeypatch.setattr(docs_blocks, "kept_records", lambda of: kept_records(of, tmp_path))

    return keep


@pytest.mark.parametrize("name", ["speed", "speed-alone", "first-visitor", "replay"])
def test_a_table_says_that_its_share_was_another_one_until_it_is_measured_again(
    name: str, kept: Callable[[str, list[Record]], None]
) -> None:
    path = ROOT / "docs" / "lab" / "records" / f"{name}.jsonl"
    records = read_records(path.read_text(encoding="utf-8"))
    table = getattr(docs_blocks, name.replace("-", "_"))
    old = [
        replace(each, conditions={k: v for k, v in each.conditions.items() if k != "period_ms"})
        for each in records
    ]
    kept(name, old)
    assert table().count(SENTENCE) == 1
    kept(name, measured_now(records))
    assert SENTENCE not in table()


EXPERIMENTS = ROOT / "docs" / "lab" / "experiments" / "records"


@pytest.mark.parametrize(
    ("name", "section", "words"),
    [
        ("stages", stages_section, ("period of 100 ms", "some 57 ms", "of 20 ms", "some 11 ms")),
        ("memory", memory_section, ("Fig. 13",) * 4),
    ],
)
def test_a_section_of_the_report_follows_its_records(
    name: str, section: Callable[..., str], words: tuple[str, ...]
) -> None:
    records = read_records((EXPERIMENTS / f"{name}.jsonl").read_text(encoding="utf-8"))
    old = [
        replace(each, conditions={k: v for k, v in each.conditions.items() if k != "period_ms"})
        for each in records
    ]
    text = section(RecordSet({name: old}), lambda *_: "")
    assert SENTENCE in text
    assert all(word in text for word in words[:2])
    text = section(RecordSet({name: measured_now(records)}), lambda *_: "")
    assert SENTENCE not in text
    assert all(word in text for word in words[2:])


def test_more_than_a_processor_needs_no_sentence() -> None:
    record = Record(
        name="ours",
        metric="warm_ms",
        value=1,
        unit="ms",
        kind="measured",
        conditions={"memory_mb": 3008},
        command="test",
        machine="",
        date="2026-11-24",
    )
    assert up_to_a_processor([record]) == []
    assert period_note([]) == ""
    assert SENTENCE in period_note([record])
    assert period_note(measured_now([record])) == ""
