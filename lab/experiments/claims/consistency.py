"""Claims on figures that the paper prints in two ways, and on the form of its address."""

from lab.experiments.prices import PAPER
from lab.experiments.printed import AWS, PAPERS
from lab.experiments.record_query import RecordSet
from lab.experiments.verdicts import QUOTED, Judge, Judgement, Rules, Verdict

RULES = Rules()


@RULES.add(
    "Table 4",
    "The address is https://<api id>.execute-api.<region>.amazonaws.com/classification",
    turned_by="REST APIs whose addresses have no stage",
)
def _address(results: RecordSet) -> Judgement:
    printed, aws = (results.value("url_path_segments", name) for name in (PAPERS, AWS))
    return Judgement(
        Verdict.CONFIRMED if printed == aws else Verdict.CORRECTED,
        "the address of a REST API has the name of its stage before the resource: "
        "`/prod/classification`"
        if aws > printed
        else "that is the form that AWS documents",
        QUOTED,
    )


def _printed_twice(what: str) -> Judge:
    def judge(results: RecordSet) -> Judgement:
        found = results.require_any("printed_twice", PAPERS, what=what)
        right, because = (found[0].conditions[key] for key in ("right", "because"))
        if len({each.value for each in found}) == 1:
            return Judgement(Verdict.CONFIRMED, "the figures agree", QUOTED)
        unit = found[0].unit
        if right is None:
            return Judgement(Verdict.NOT_DECIDED, f"which is meant is open: {because}", QUOTED)
        is_number = unit != "s"
        text = f"{right:,} {unit}" if is_number else "seconds"
        return Judgement(Verdict.CORRECTED, f"{text}: {because}", QUOTED)

    return judge


def _claim(each: dict[str, object]) -> str:
    values = each["values"]
    assert isinstance(values, dict)
    unit = each["unit"]
    parts = (
        place if unit == "s" else f"{value:,} {unit} {place}" for place, value in values.items()
    )
    return f"{str(each['what']).capitalize()} is printed as {', and as '.join(parts)}"


for _each in PAPER["printed_twice"]:
    RULES.add(
        _each["where"],
        _claim(_each),
        turned_by="equal figures"
        + ("" if _each["right"] is not None else ", or something that says which is right"),
    )(_printed_twice(_each["what"]))
