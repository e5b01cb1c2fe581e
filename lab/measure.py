"""Measurements of a processor or less, in one run that continues where it stopped."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.speed.comparison import OURS
from lab.bench.speed.versions import PAPER_PX
from lab.experiments.run import write_whole
from lab.markdown import table
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT, STATE
from warmlens.planner.service_times import COLD, WARM
from warmlens.records import Record, read_records, write_records

FOLDER, QUICK_FOLDER = STATE / "measure", STATE / "measure-quick"
_OURS_128 = "--input-px 128 --no-baseline"
_BOTH_STORES = "--store image --store s3"
_BOTH_CACHES = "--page-cache warm --page-cache dropped"
_PHOTOS = "--megapixels 2 --megapixels 12"
_ALONE_MB = "--memory-mb 512 --memory-mb 768 --memory-mb 1024 --memory-mb 1769 --memory-mb 3008"
_BOTH_MB = "--memory-mb 768 --memory-mb 1769"
_MOST_LOAD = 0.5
LAB = (sys.executable, "-m", "lab")


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: its name, and that of its file.
        command: the arguments of `python -m lab`.
        minutes: an estimate of its time on two cores.
        kept_in: name of the kept records that its own become part of; empty for an experiment,
            which keeps its records itself.
    """

    name: str
    command: str
    minutes: int
    kept_in: str = ""


STEPS = (
    Step("cold-224", f"bench cold {_BOTH_MB}", 4, "speed"),
    Step("cold-128", f"bench cold {_BOTH_MB} --input-px 128", 4, "speed"),
    Step("cold-s3", f"bench cold {_BOTH_MB} --store s3 {_BOTH_CACHES} {_OURS_128}", 2, "speed"),
    Step("cold-dropped", f"bench cold {_BOTH_MB} --page-cache dropped {_OURS_128}", 1, "speed"),
    Step("warm-224", f"bench warm {_BOTH_MB} {_PHOTOS}", 13, "speed"),
    Step("warm-128", f"bench warm {_BOTH_MB} {_PHOTOS} --input-px 128", 7, "speed"),
    Step("cold-alone", f"bench cold {_ALONE_MB} {_BOTH_STORES} {_OURS_128}", 3, "speed-alone"),
    Step("warm-alone", f"bench warm {_ALONE_MB} {_OURS_128}", 4, "speed-alone"),
    Step("stages", "experiments run stages --full", 4),
    Step("memory", "experiments run memory --full", 14),
    Step("flow", "experiments run flow --full", 2),
)


def run_steps(
    steps: Sequence[Step], folder: Path, *, quick: bool, command: Sequence[str]
) -> Iterator[Step]:
    """Run the steps whose records are not in the folder yet, and yield each before it runs.

    Args:
        steps: the steps.
        folder: folder for the records of finished steps.
        quick: with few samples, for a try; an experiment writes its report into the folder, too.
        command: the command line of the laboratory.

    Raises:
        WarmlensError: ``not_measured``: a command failed; the same run continues with it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for step in steps:
        done = folder / f"{step.name}.jsonl"
        if done.exists():
            continue
        yield step
        arguments = shlex.split(step.command)
        if quick:
            arguments = [each for each in arguments if each != "--full"] + ["--quick"]
            if not step.kept_in:
                arguments += ["--out", str(folder / "report")]
        result = subprocess.run(
            [*command, *arguments, "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            check=False, encoding="utf-8",
        )  # fmt: skip
        if result.returncode:
            message = f"{step.command} failed: run the same command again to continue with it."
            raise WarmlensError("not_measured", message)
        write_whole(done, result.stdout)


def keep(steps: Sequence[Step], folder: Path, kept: Path, service_times: Path) -> list[Path]:
    """Replace the kept records by those of the finished steps, and those that the planner reads.

    Records of metrics that no step measured stay: memory, packages and downloads.

    Returns:
        The written files.
    """
    made: dict[str, list[Record]] = {}
    for step in steps:
        if step.kept_in:
            text = (folder / f"{step.name}.jsonl").read_text(encoding="utf-8")
            made.setdefault(step.kept_in, []).extend(read_records(text))
    files = {}
    for name, records in made.items():
        file, metrics = kept / f"{name}.jsonl", {each.metric for each in records}
        before = read_records(file.read_text(encoding="utf-8"))
        others = [each for each in before if each.metric not in metrics]
        files[file] = records + others
    at_papers_size = [
        each
        for each in made["speed"]
        if each.name == OURS
        and each.metric in (COLD, WARM)
        and each.conditions["input_px"] == PAPER_PX
    ]
    files[service_times] = at_papers_size + made["speed-alone"]
    for file, records in files.items():
        write_whole(file, write_records(records))
    return list(files)


def require_quiet() -> None:
    """Check that nothing else runs on the machine.

    Raises:
        WarmlensError: ``machine_busy``.
    """
    load = os.getloadavg()[0]
    if load > _MOST_LOAD:
        raise WarmlensError(
            "machine_busy",
            f"The load of the last minute is {load:.1f}: figures beside other work are not kept. "
            "Wait until nothing else runs; --quick tries every command at any time.",
        )


def table_of_steps() -> str:
    """Return the steps with estimates of their times, for the docs."""
    rows = ((step.name, f"`python -m lab {step.command}`", step.minutes) for step in STEPS)
    total = ("*all*", "", sum(step.minutes for step in STEPS))
    return table("step | command | minutes", [*rows, total])
