"""Tables and command output for the docs, inserted by cog: `make reference`."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence

from lab import grocery_answers
from lab.bench import cases as cases_bench
from lab.bench import scale as scale_bench
from lab.bench.architectures.presentation import architectures_table
from lab.bench.first_visitor.comparison import table as first_visitor_table
from lab.bench.forecast import findings as forecast_sentences
from lab.bench.forecast.figures import table as forecast_table
from lab.bench.one_call import table as one_call_table
from lab.bench.overhead import overhead_table
from lab.bench.peer import presentation as peer_presentation
from lab.bench.processors.comparison import table as processors_table
from lab.bench.processors.instructions import table as instructions_table
from lab.bench.replay.tables import in_short as replays_in_short
from lab.bench.replay.tables import replay_table
from lab.bench.simfaas.tables import simfaas_table
from lab.bench.soak.tables import hostile_tables, load_table
from lab.bench.speed.goals import in_sentences
from lab.bench.speed.tables import table_alone, tables
from lab.bench.wakes import wakes_table
from lab.bench.warming import findings as warming_sentences
from lab.bench.warming import presentation as warming_presentation
from lab.bench.warming.traces import load_balancer
from lab.bench.warming.workloads import WEEK_S
from lab.cold_start import cold_start_table, cold_starts, in_readme, in_short, in_two_runs
from lab.kept_records import RECORDS, kept_records
from lab.markdown import command_of, measured_by, table
from lab.model_comparison import comparison, drawn
from lab.networks import sizes_table
from lab.period import period_note, up_to_a_processor
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_TERMINAL = {"COLUMNS": "110", "FORCE_COLOR": "1", "TERM": "xterm"}


def terminal(command: str) -> str:
    """Return the output of a `warmlens` command on a terminal, as a block of plain text.

    Args:
        command: the arguments of `warmlens`.

    Raises:
        WarmlensError: ``command_failed``.
    """
    result = subprocess.run(
        [sys.executable, "-m", "warmlens.cli", *shlex.split(command)],
        cwd=ROOT,
        env={**os.environ, **_TERMINAL, "AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    if result.returncode:
        message = f"warmlens {command}: {result.stdout}{result.stderr}"
        raise WarmlensError("command_failed", message)
    lines = "\n".join(line.rstrip() for line in _STYLE.sub("", result.stdout).splitlines())
    return f"```text\n{lines}\n```\n"


def speed() -> str:
    """Return the tables of cold starts, warm calls, cost and memory."""
    records = kept_records("speed")
    return _after(_note_of_calls(records), tables(records))


def speed_alone() -> str:
    """Return the table of the classifier's times without a baseline."""
    records = kept_records("speed-alone")
    return _after(_note_of_calls(records), table_alone(records))


def cold_start() -> str:
    """Return the table of cold starts by their parts."""
    records = kept_records("speed")
    note = period_note(
        each.record for each in cold_starts(records) if each.memory_mb <= MEMORY_MB_PER_VCPU
    )
    return _after(note, cold_start_table(records))


def cold_start_in_short() -> str:
    """Return what a cold start takes, as a paragraph."""
    return in_short(kept_records("speed"), kept_records("first-visitor"))


def starts_in_two_runs() -> str:
    """Return how the cold starts of the page's two runs differ, as a paragraph."""
    return in_two_runs(kept_records("speed"), kept_records("speed-alone"))


def readme_figures() -> str:
    """Return the README's figures."""
    return in_readme(kept_records("speed"))


def warming() -> str:
    """Return the table of warming policies."""
    return _block("warming", _simulated, warming_presentation.table)


def warming_choices() -> str:
    """Return the table of what to set for whom."""
    return _block("warming", _of_users, warming_presentation.choices)


def warming_details(workload: str) -> str:
    """Return all figures of the warming policies for one kind of users."""

    def of_workload(records: Sequence[Record]) -> str:
        return warming_presentation.details(records, workload)

    return _block("warming", _simulated, of_workload)


def warming_findings() -> str:
    """Return the list of what the table of warming policies says."""
    return warming_sentences.findings(kept_records("warming"))


def warming_limits() -> str:
    """Return the list of what a warmer cannot do, with its figures."""
    return warming_sentences.limits(kept_records("warming"))


def goals_in_short() -> str:
    """Return the sentences on the goals that are reached and those that are not."""
    return in_sentences(kept_records("speed"))


def held_wakes() -> str:
    """Return the table of wakes ahead that hold their instance."""
    return _block("warming", _simulated, warming_presentation.held_table)


def chosen() -> str:
    """Return the table of the hold and the instances that the warmer chooses itself."""
    return _block("chosen", _of_seeds, warming_presentation.chosen_table)


def chosen_findings() -> str:
    """Return the list of what the table of the warmer's choices says."""
    return warming_sentences.of_choices(kept_records("chosen"))


def overhead() -> str:
    """Return the table of what the local cloud adds to a warm call."""
    return overhead_table(kept_records("overhead"))


def peer() -> str:
    """Return the table of the instances that our warmer and lambda-warmer-py reach."""
    return _block("peer", _measured, peer_presentation.table)


def wakes() -> str:
    """Return the table of wakes ahead by their hold."""
    return wakes_table(kept_records("wakes"))


def first_visitor() -> str:
    """Return the table of the first visitor's wait."""
    records = kept_records("first-visitor")
    note = period_note(
        records, further="So the uploads function loaded boto3 at a seventh of a processor."
    )
    return _after(note, first_visitor_table(records))


def one_call() -> str:
    """Return the table of a photo in the call beside an uploaded one."""
    return one_call_table(kept_records("one-call"))


def processors() -> str:
    """Return the table of the shipped models with AVX-512 and with AVX2 alone."""
    return processors_table(kept_records("processors"))


def instructions() -> str:
    """Return the table of instructions with AVX2 and on arm64."""
    return instructions_table(kept_records("instructions"))


def architectures() -> str:
    """Return the table of networks by time and memory."""
    if not (RECORDS / "architectures.jsonl").exists():
        return "Not measured yet: `python -m lab bench architectures` measures it.\n"
    return architectures_table(kept_records("architectures"))


def groceries() -> str:
    """Return the comparison of training modes on real photos, with its chart."""
    chart = "![Share of test photos answered right, by training](pictures/groceries.svg)\n\n"
    return chart + comparison(kept_records("groceries"))


def answers_to_bananas() -> str:
    """Return how often each shipped model is right, wrong or not sure of bananas."""
    return grocery_answers.bananas(kept_records("grocery-answers"))


def refused_groceries() -> str:
    """Return what the groceries' threshold refuses, as a paragraph."""
    return grocery_answers.refused_by_threshold(kept_records("grocery-answers")) + "\n"


def recognized_groceries() -> str:
    """Return how good the groceries' recognized answers are, as a paragraph."""
    return grocery_answers.recognized(kept_records("grocery-answers")) + "\n"


def drawn_photos() -> str:
    """Return the comparison of training modes on generated photos."""
    return drawn(kept_records("model-comparison"))


def sizes() -> str:
    """Return the paper's Table 1 beside the sizes of our exports."""
    return _block("model-sizes", _exported, sizes_table)


def damaged() -> str:
    """Return the table of damaged images by coding."""
    return _block("damaged", _measured, _by_coding)


def soak() -> str:
    """Return the table of the soak test."""
    return load_table(kept_records("soak"))


def hostile_soak() -> str:
    """Return the tables of the soak test with hostile photos."""
    return hostile_tables(kept_records("soak-hostile"))


def callers() -> str:
    """Return the table of requests that the local cloud must refuse."""
    return _block("callers", _measured, _by_kind)


def scale() -> str:
    """Return the table of time and memory of simulations by number of requests."""
    return scale_bench.table(kept_records("planner-scale"))


def cases() -> str:
    """Return the table of plans for typical traffic."""
    return cases_bench.table(kept_records("planner-cases"))


def simfaas() -> str:
    """Return the table of the comparison with SimFaaS."""
    return simfaas_table(kept_records("simfaas"))


def replay() -> str:
    """Return the table of recorded replays and simulations of the same calls."""
    records = kept_records("replay")
    return _after(period_note(up_to_a_processor(records)), replay_table(records))


def replay_in_short() -> str:
    """Return what the recorded replays with warming say of the objective, as a paragraph."""
    return replays_in_short(kept_records("replay"))


def forecast() -> str:
    """Return what was predicted from real traffic of the past, beside what came."""
    return _block("forecast", _forecast, forecast_table)


def forecast_findings() -> str:
    """Return the list of what came as predicted from real traffic, and of what did not."""
    return forecast_sentences.findings(kept_records("forecast"))


def _by_coding(records: Sequence[Record]) -> str:
    values = {(each.conditions["coding"], each.metric): each.value for each in records}
    rows = (
        (
            coding,
            f"{values[coding, 'files']:,.0f}",
            f"{values[coding, 'decoded']:,.0f}",
            f"{values[coding, 'longest_cpu_ms']:,.0f}",
        )
        for coding in sorted({coding for coding, _ in values})
    )
    return table("coding | files | decoded | longest, ms of processor time", rows)


def _by_kind(records: Sequence[Record]) -> str:
    values = {
        (each.conditions["kind"], each.conditions["listener"], each.metric): each.value
        for each in records
    }
    rows = (
        (*key, f"{values[*key, 'sent']:,.0f}", f"{values[*key, 'let_through']:,.0f}")
        for key in dict.fromkeys((kind, listener) for kind, listener, _ in values)
    )
    return table("kind | listener | sent | allowed", rows)


def _note_of_calls(records: Sequence[Record]) -> str:
    return period_note(
        up_to_a_processor(records),
        further="Warm calls came in turns of ten, one right after the other.",
    )


def _exported(records: Sequence[Record]) -> str:
    by, date = command_of(records[0]), records[0].date
    return f"Exported once each by `{by}` on {date}; the same on any machine."


def _after(note: str, shown: str) -> str:
    return f"{note}\n{shown}" if note else shown


def _block(
    name: str, lead: Callable[[Sequence[Record]], str], show: Callable[[Sequence[Record]], str]
) -> str:
    records = kept_records(name)
    return f"{lead(records)}\n\n{show(records)}"


def _simulated(records: Sequence[Record]) -> str:
    """Return the lead of simulations whose samples are users, and whose shares have intervals."""
    return f"{_of_users(records)} Shares with 95 % intervals, where there were several simulations."


def _of_users(records: Sequence[Record]) -> str:
    """Return the lead of simulations whose samples are users."""
    counts = sorted({each.samples for each in records if each.samples})
    return f"{measured_by(records)}, {counts[0]:,} to {counts[-1]:,} users of each kind."


def _of_seeds(records: Sequence[Record]) -> str:
    """Return the lead of simulations of a week whose samples are seeds."""
    users = load_balancer().part(WEEK_S, 2 * WEEK_S).expected(WEEK_S)
    return (
        f"{measured_by(records)}, with {records[0].samples} seeds: cold starts in the week, of "
        f"{users:,.0f} users, as the mean with the least and the most of a seed."
    )


def _measured(records: Sequence[Record]) -> str:
    return f"{measured_by(records)}."


def _forecast(records: Sequence[Record]) -> str:
    counts = max(each.samples for each in records if each.samples)
    return (
        f"{measured_by(records)}: means of {counts} simulations, with the range of the middle 95 %."
    )
