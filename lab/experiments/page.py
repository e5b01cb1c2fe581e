"""The report as people read it, made of records and nothing else."""

from collections.abc import Sequence

from lab.experiments.claims import claims
from lab.experiments.found import Records
from lab.experiments.sections.clients import clients_section
from lab.experiments.sections.concurrency import connections_section
from lab.experiments.sections.costs import fig_8_section, own_costs_section
from lab.experiments.sections.idle import idle_section
from lab.experiments.sections.memory import memory_section
from lab.experiments.sections.stages import flow_section, stages_section
from lab.markdown import table

_SECTIONS = (
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

Every table and figure of Lee, Lee and Kim (2020) with numbers, beside ours. This page is made by
`python -m lab experiments run` from the records in `{records}` and
from nothing else; a test makes all of it anew from the samples (`*.samples.jsonl`, every single
measurement) and compares.

```sh
make experiments
make experiments MODE=full
.venv/bin/python -m lab experiments run concurrency --full
.venv/bin/python -m lab experiments run all --env dev
```

The quick mode takes under ten minutes on two cores, the full mode half an hour. A run that was
interrupted goes on where it stopped with the same command, and
the page is written when all is measured: in this checkout it takes the place of the one you read.
The baseline needs PyTorch, which `make experiments` installs (200 MB).

`--env` and `--url` measure what is deployed, into `.warmlens/experiments/`; what needs other
processes or other settings of the function (stages by process, memory sizes, the stand-in) is left
out there. In the full mode that is 156,000 calls for Fig. 12, and waits of hours for idle expiry.
The environment's own throttle answers most of so many calls at once with 429: deploy one for it
with `throttle_rate_rps=10_000`, `throttle_burst=5_000` and no `reserved_concurrency`. The idle
probe wants `warming="off"`, as dev has it. Nobody has run it against AWS yet: there was no account.

- *measured*: here, on the machine below, which is shared with other work: take ratios, not
  Lambda's times. *computed*: from dated prices and what was measured.
- *baseline*: a handler of the paper's kind (PyTorch, torchvision, boto3), *ours*: the classifier.
  Both serve ResNet50 at 224 px where they are compared; over the API ours serves the shipped
  model at 128 px. Processor shares are those of the memory size.
- *stand-in*: behind the same API, simulated instances, which wait as long as ours was measured to
  take instead of computing: two cores cannot run a model a thousand times at once
  ([why]({up}decisions/0040-stand-in.md)). What was measured with them says so.
- Latencies count from the intended send time; nothing is trimmed; cold starts are told apart.
"""
_INTRODUCTION_ELSEWHERE = """# The paper's experiments, repeated on an API that runs

The figures of Lee, Lee and Kim (2020) that an API shows as it is set, beside the paper's. This page
is made by `python -m lab experiments run all {option}` from the records in `{records}`.

- *measured*: by clients on the machine below, the way over the network included. *computed*: from
  dated prices.
- What needs other processes or other settings of the function (stages by process, memory sizes,
  limits) is measured in a local cloud: `make experiments`.
- The throttle of the API's stage (`throttle_rate_rps`, `throttle_burst`) and the function's
  reserved concurrency are as they were set, and answer 429 beyond.
- Latencies count from the intended send time; nothing is trimmed; cold starts are told apart.
"""


def page(found: Records, charts: Sequence[str], *, up: str, records: str, pictures: str) -> str:
    """Return the page as Markdown.

    Args:
        found: the records.
        charts: names of the charts that were drawn.
        up: path from the page to this checkout's docs.
        records: path from the page to the records.
        pictures: path from the page to the pictures.
    """
    text = _INTRODUCTION_ELSEWHERE if found.elsewhere else _INTRODUCTION
    introduction = text.format(up=up, records=records, option=found.elsewhere)
    parts = [introduction]
    parts.append(f"Measured on: {'; '.join(found.where()) or 'nothing measured yet'}.\n")
    parts.append("## The claims\n")
    parts.append(
        table(
            "where | the paper says | verdict | evidence | kind",
            (
                (each.where, each.claim, f"**{each.verdict}**", each.evidence, each.kind)
                for each in claims(found)
            ),
        )
    )
    parts.append(
        ""
        if found.elsewhere
        else "Table 1 (errors and sizes of the networks) and Fig. 3 (own network, fine-tuned, "
        f"augmented) are in [the page on models]({up}models.md).\n"
    )

    def chart(name: str, text: str) -> str:
        return f"![{text}]({pictures}/{name}.png)\n" if name in charts else ""

    for section in _SECTIONS:
        text = section(found, chart)
        if text:
            parts.append(text)
    return "\n".join(part for part in parts if part)
