"""The section on idle expiry: section 4.2 of the paper."""

from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart, commands, figure
from lab.markdown import table


def idle_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on the share of remaining idle instances by time."""
    shares = results.select("still_there_share")
    if not shares:
        return ""
    minute_s = shares[0].conditions["minute_s"]
    return "\n".join(
        [
            "## Idle expiry (section 4.2)\n",
            "A probe: wake instances at once, call nothing for a while, wake as many again, count "
            "those that are still there. "
            + (
                f"In the local cloud a minute lasts {minute_s:g} s and the idle expiry is a "
                "setting, 5 to 30 minutes, drawn in the same way for each instance, one of five or "
                "alone: this shows that the probe finds it, and nothing of AWS. `--env` waits real "
                "minutes, first with one instance, then with five.\n"
                if minute_s < 60
                else "Those that outlived a shorter wait took part in the longer ones.\n"
            ),
            commands(shares),
            chart("idle-expiry", "Share of instances that are still there"),
            table(
                "instances | minutes without a call | woken in all | still there",
                (
                    (
                        each.conditions["instances"],
                        each.conditions["wait_min"],
                        each.conditions["woken"],
                        figure(each, "{:.0%}".format),
                    )
                    for each in shares
                ),
            ),
        ]
    )
