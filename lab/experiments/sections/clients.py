"""The section on load by JMeter and Locust."""

from lab.experiments.concurrency import OWN_THROTTLE
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart, figure, p95, tail
from lab.markdown import table


def clients_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on JMeter and Locust."""
    shares = [each for each in results.select("failed_share") if "label" in each.conditions]
    if not shares:
        return ""
    rows = []
    for each in shares:
        response = results.get("response_ms", each.name, **each.conditions)
        times = (figure(response), p95(response), tail(response)) if response else ("",) * 3
        rows.append(
            (
                each.name,
                each.conditions["label"],
                each.conditions["clients"],
                each.conditions["calls"],
                *times,
                *(
                    f"{results.value(metric, each.name, **each.conditions):.1%}"
                    for metric in ("cold_share", "throttled_share")
                ),
                f"{each.value:.1%}",
            )
        )
    commands = dict.fromkeys(f"{each.command}  # {each.date}, {each.machine}" for each in shares)
    return "\n".join(
        [
            "## By a real load client\n",
            "Plans with the paper's requests are written for a running API; JMeter (2.13 of "
            "Debian here) and Locust (`pip install locust`, in a separate environment) are "
            "run by you, and their results read into this report:\n",
            "```sh\n"
            ".venv/bin/python -m lab experiments client-plan jmeter plan.jmx "
            "--url http://127.0.0.1:8080\n"
            ".venv/bin/python -m lab experiments client-plan locust load.py "
            "--url http://127.0.0.1:8080\n"
            ".venv/bin/python -m lab experiments read-results jmeter jmeter.csv "
            '--command "jmeter ..."\n'
            ".venv/bin/python -m lab experiments read-results locust locust.csv "
            '--command "locust ..."\n'
            "```\n",
            "The plans name the paper's photo, `test/20200118.jpg`, which a local cloud has; in an "
            "environment in AWS put one there first. "
            "JMeter begins with five wakeups at once, Locust with one by each user. Then comes the "
            "load, closed: each user sends the next request as soon as the previous one is "
            "answered or refused. What is above the environment's throttle "
            f"({OWN_THROTTLE[0]} calls a second after {OWN_THROTTLE[1]} at once) gets 429. "
            f"Measured {'there' if results.api_option else 'on a local cloud of 64 calls at once'} "
            "with:\n",
            "```text\n" + "\n".join(commands) + "\n```\n",
            table(
                "client | request | users | calls | median ms | p95 ms | p99 or slowest, ms | cold "
                "| 429 | failed",
                rows,
            ),
        ]
    )
