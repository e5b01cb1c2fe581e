"""Plans for JMeter and Locust: the paper's requests, without the API key."""

import ast
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.__main__ import app
from lab.experiments.client_plans import jmeter_plan, locust_file
from lab.experiments.client_results import read_results, records
from tests.invoke import invoke
from warmlens.errors import WarmlensError

URL = "https://abc.execute-api.us-east-1.amazonaws.com/v1"
HEADER = "timeStamp,elapsed,label,responseCode,success,allThreads,cold\n"


def strings(plan: str, name: str) -> list[str]:
    return [
        each.text or ""
        for each in ElementTree.fromstring(plan).iter("stringProp")
        if each.get("name") == name
    ]


def test_the_jmeter_plan_sends_the_papers_requests() -> None:
    plan = jmeter_plan(URL)
    assert strings(plan, "HTTPSampler.path") == ["/v1/wakeup", "/v1/classification"]
    assert set(strings(plan, "HTTPSampler.domain")) == {"abc.execute-api.us-east-1.amazonaws.com"}
    assert set(strings(plan, "HTTPSampler.port")) == {"443"}
    wakeup, classification = map(json.loads, strings(plan, "Argument.value"))
    assert wakeup == {"method": "wakeup", "sleep_time": "400"}
    assert classification == {"method": "classification", "file_path": "test/20200118.jpg"}
    assert set(strings(plan, "ThreadGroup.ramp_time")) == {"0"}


def test_a_local_api_keeps_its_port() -> None:
    assert set(strings(jmeter_plan("http://127.0.0.1:8081"), "HTTPSampler.port")) == {"8081"}


def test_the_locust_file_is_python_and_names_the_calls() -> None:
    text = locust_file(URL, "load.py")
    tree = ast.parse(text)
    assert [each.name for each in tree.body if isinstance(each, ast.ClassDef)] == ["User"]
    assert "'sleep_time': '400'" in text
    assert "test/20200118.jpg" in text
    assert 'f"/v1/{name}"' in text


@pytest.mark.parametrize("client", ["jmeter", "locust"])
def test_a_plan_is_written_once_and_never_over_another(client: str, tmp_path: Path) -> None:
    file = tmp_path / "plan"
    command = ["experiments", "client-plan", client, str(file), "--url", URL]
    assert invoke(app, *command).exit_code == 0
    before = file.read_text()
    done = invoke(app, *command)
    assert (done.exit_code, "exists already" in done.output) == (1, True)
    assert file.read_text() == before


def test_a_plan_needs_an_api(tmp_path: Path) -> None:
    command = ["experiments", "client-plan", "jmeter", str(tmp_path / "plan")]
    done = invoke(app, *command)
    assert (done.exit_code, "--url or --env" in done.output) == (1, True)


def test_results_are_grouped_by_label_and_outcome() -> None:
    text = HEADER + (
        "1795500000000,12,wakeup,200,true,5,true\n"
        "1795500000100,30,classification,200,true,9,false\n"
        "1795500000200,40,classification,200,true,10,true\n"
        "1795500000250,1,classification,307,true,10,unknown\n"
        "1795500000300,5,classification,429,false,10,unknown\n"
        "1795500000400,7,classification,502,false,10,unknown\n"
    )
    wakeup, classification = read_results(text, client="JMeter", command="jmeter -n")
    assert wakeup.values["cold_ms"] == [12.0]
    values = classification.values
    assert [values[each] for each in ("warm_ms", "cold_ms", "throttled_ms", "failed_ms")] == [
        [30.0],
        [40.0],
        [5.0],
        [1.0, 7.0],  # a redirect, which JMeter takes for a success, is none
    ]
    assert (classification.conditions["clients"], classification.date) == (10, "2026-11-24")
    figures = {each.metric: each.value for each in records([classification])}
    assert figures["response_ms"] == 35.0
    assert (figures["throttled_share"], figures["failed_share"]) == (0.2, 0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column timeStamp"),
        ("<testResults>", "no column timeStamp"),
        (HEADER, "no results"),
        (HEADER + "now,fast,a,200,true,1,true\n", "line 2"),
    ],
)
def test_invalid_results_are_refused(text: str, message: str) -> None:
    with pytest.raises(WarmlensError, match=message):
        read_results(text, client="JMeter", command="")
