"""The report's page as Markdown, generated from records."""

import os
import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.experiments.claims.register import claims
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.clients import clients_section
from lab.experiments.sections.concurrency import connections_section
from lab.experiments.sections.costs import fig_8_section, own_costs_section
from lab.experiments.sections.idle import idle_section
from lab.experiments.sections.memory import memory_section
from lab.experiments.sections.printed import printed_section
from lab.experiments.sections.stages import flow_section, stages_section
from lab.experiments.verdicts import MEANINGS, Claim
from lab.markdown import table
from warmlens.paths import ROOT

_LINK = re.compile(r"\]\(repository:([^)]+)\)")
_SECTIONS = (
    printed_section,
    fig_8_section,
    own_costs_section,
    stages_section,
    flow_section,
    idle_section,
    connections_section,
    memory_section,
    clients_section,
)
_INTRODUCTION = """# The paper's experiments, repeated

Every table and figure of Lee, Lee and Kim (2020) with numbers, beside ours. This page is made from
records and nothing else, by `python -m lab experiments report` without measuring: from `records/`
and, for claims, from the benches' [records](repository:docs/lab/README.md#records). A test
recomputes all of it from the single measurements (`*.samples.jsonl`) and compares.

```sh
make experiments
make experiments MODE=full
.venv/bin/python -m lab experiments run concurrency --full
.venv/bin/python -m lab experiments run all --env dev
```

The quick mode takes some minutes on two cores and shows that everything works, with too few samples
for figures; its report is in `.warmlens/experiments/quick`. The full mode takes up to 40 minutes,
and at its end replaces the page that you read. The same command continues an interrupted run.
The baseline needs PyTorch, which `make experiments` installs (200 MB).

`--env` and `--url` measure a running API, into `.warmlens/experiments/`. Experiments that need
other processes or other settings of the function (stages by process, memory sizes, the stand-in)
are left out there. The full mode makes 157,000 calls for Fig. 12, and waits hours for idle expiry.
The environment's own throttle answers most of these calls with 429: deploy an environment with
`throttle_rate_rps=10_000`, `throttle_burst=5_000` and no `reserved_concurrency`. The idle probe
needs `warming="off"`, as dev has it. Nobody has run it against AWS yet: there was no account.

- *measured*: here, on the machines below: compare ratios, not Lambda's times. *computed*: from
  dated prices and what was measured.
- *baseline*: a handler of the paper's kind (PyTorch, torchvision, boto3), *ours*: the classifier.
  Both serve ResNet50 at 224 px where they are compared; over the API ours serves the shipped
  model at 128 px. Processor shares are those of the memory size.
- *stand-in*: behind the same API, simulated instances, which wait as long as ours was measured to
  take instead of computing: two cores cannot run a model a thousand times at once
  ([why](repository:docs/decisions/0040-stand-in.md)). What was measured with them says so.
- Latencies count from the intended send time; nothing is trimmed; cold starts are reported apart.
- Brackets have 95 % intervals, by a bootstrap of repetitions, since calls of one share their
  disturbances. p95 is given from 59 calls on and p99 from 299, else the slowest call.
"""
_INTRODUCTION_ELSEWHERE = """# The paper's experiments, repeated on a running API

The figures of Lee, Lee and Kim (2020) that this API shows with its present settings, beside the
paper's. This page is made by `python -m lab experiments run all {option}` from the records in
`records/`.

- *measured*: by clients on the machine below, the way over the network included. *computed*: from
  dated prices.
- What needs other processes or other settings of the function (stages by process, memory sizes,
  limits) is measured in a local cloud: `make experiments`.
- The throttle of the API's stage (`throttle_rate_rps`, `throttle_burst`) and the function's
  reserved concurrency are as they were set, and answer 429 beyond.
- Latencies count from the intended send time; nothing is trimmed; cold starts are reported apart.
"""


def claims_section(results: RecordSet) -> str:
    """Return the table of the paper's claims, with the verdicts' meanings."""
    judged = claims(results)
    measured_on = sorted({each for claim in judged for each in claim.measured_on})
    letters = dict(zip(measured_on, string.ascii_uppercase, strict=False))
    meanings = "\n".join(
        f"- **{verdict}** ({sum(each.verdict is verdict for each in judged)}): {meaning}"
        for verdict, meaning in MEANINGS.items()
    )
    return "\n".join(
        [
            "## The claims\n",
            "Each claim of the paper that can be checked, once. A rule computes the verdict from "
            "the records alone; the last column but one names results by which it would be "
            "another one. Brackets have 95 % intervals. The verdicts, and how many claims have "
            "them:\n",
            f"{meanings}\n",
            *_machines(letters),
            table(
                "where | the paper says | verdict | evidence | would be turned by | kind",
                (
                    (
                        each.where,
                        each.claim,
                        f"**{each.verdict}**",
                        each.evidence,
                        each.turned_by,
                        _kind(each, letters),
                    )
                    for each in judged
                ),
            ),
            "No claims are the steps of section 3.1, its phone, network and data, the names of "
            "fields, which differ between Tables 2 and 3 and Fig. 6, that no infrastructure is "
            "planned, which no result decides, and what the paper leaves for later.\n",
        ]
    )


def _machines(letters: Mapping[str, str]) -> list[str]:
    if not letters:
        return []
    named = "; ".join(f"{letter}: {each}" for each, letter in letters.items())
    return [f"The letters of the last column say where and when was measured: {named}.\n"]


def _kind(claim: Claim, letters: Mapping[str, str]) -> str:
    if not claim.measured_on:
        return claim.kind
    return f"{claim.kind} ({', '.join(letters[each] for each in claim.measured_on)})"


def page(results: RecordSet, charts: Sequence[str], *, folder: Path) -> str:
    """Return the page as Markdown.

    Args:
        results: the records.
        charts: names of the charts that were drawn.
        folder: the page's folder, from which it links to files of this checkout.
    """
    text = _INTRODUCTION_ELSEWHERE if results.api_option else _INTRODUCTION
    introduction = text.format(option=results.api_option)
    parts = [introduction]
    parts.append(
        f"Measured on: {'; '.join(results.machines_and_dates()) or 'nothing measured yet'}.\n"
    )
    parts.append(claims_section(results))

    def chart(name: str, text: str) -> str:
        return f"![{text}](pictures/{name}.png)\n" if name in charts else ""

    for section in _SECTIONS:
        text = section(results, chart)
        if text:
            parts.append(text)

    def relative(link: re.Match[str]) -> str:
        return f"]({Path(os.path.relpath(ROOT / link[1], folder.resolve())).as_posix()})"

    return _LINK.sub(relative, "\n".join(part for part in parts if part))
