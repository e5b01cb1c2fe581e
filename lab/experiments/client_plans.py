"""Apache JMeter test plan and Locust file with the paper's requests.

Neither contains the API key: JMeter reads it from the property `key`, Locust from the variable
WARMLENS_API_KEY.
"""

import json
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from lab.experiments.target import CLASSIFICATION

WAKEUP = {"method": "wakeup", "sleep_time": "400"}
"""The paper's request with the paper's sleep."""

_JMETER = """<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" properties="2.8">
  <hashTree>
    <TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="Warmlens">
      <elementProp name="TestPlan.user_defined_variables" elementType="Arguments">
        <collectionProp name="Arguments.arguments"/>
      </elementProp>
      <boolProp name="TestPlan.serialize_threadgroups">true</boolProp>
    </TestPlan>
    <hashTree>
{groups}    </hashTree>
  </hashTree>
</jmeterTestPlan>
"""
_GROUP = """      <ThreadGroup guiclass="ThreadGroupGui" testclass="ThreadGroup" testname="{label}">
        <stringProp name="ThreadGroup.on_sample_error">continue</stringProp>
        <elementProp name="ThreadGroup.main_controller" elementType="LoopController">
          <boolProp name="LoopController.continue_forever">false</boolProp>
          <stringProp name="LoopController.loops">{loops}</stringProp>
        </elementProp>
        <stringProp name="ThreadGroup.num_threads">{threads}</stringProp>
        <stringProp name="ThreadGroup.ramp_time">0</stringProp>
        <boolProp name="ThreadGroup.scheduler">false</boolProp>
      </ThreadGroup>
      <hashTree>
        <HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" \
testname="{label}">
          <boolProp name="HTTPSampler.postBodyRaw">true</boolProp>
          <elementProp name="HTTPsampler.Arguments" elementType="Arguments">
            <collectionProp name="Arguments.arguments">
              <elementProp name="" elementType="HTTPArgument">
                <boolProp name="HTTPArgument.always_encode">false</boolProp>
                <stringProp name="Argument.value">{body}</stringProp>
                <stringProp name="Argument.metadata">=</stringProp>
              </elementProp>
            </collectionProp>
          </elementProp>
          <stringProp name="HTTPSampler.domain">{host}</stringProp>
          <stringProp name="HTTPSampler.port">{port}</stringProp>
          <stringProp name="HTTPSampler.protocol">{scheme}</stringProp>
          <stringProp name="HTTPSampler.path">{path}</stringProp>
          <stringProp name="HTTPSampler.method">POST</stringProp>
          <boolProp name="HTTPSampler.use_keepalive">true</boolProp>
          <stringProp name="HTTPSampler.connect_timeout">10000</stringProp>
          <stringProp name="HTTPSampler.response_timeout">60000</stringProp>
        </HTTPSamplerProxy>
        <hashTree>
          <HeaderManager guiclass="HeaderPanel" testclass="HeaderManager" testname="headers">
            <collectionProp name="HeaderManager.headers">
              <elementProp name="" elementType="Header">
                <stringProp name="Header.name">Content-Type</stringProp>
                <stringProp name="Header.value">application/json</stringProp>
              </elementProp>
              <elementProp name="" elementType="Header">
                <stringProp name="Header.name">x-api-key</stringProp>
                <stringProp name="Header.value">${{__P(key,)}}</stringProp>
              </elementProp>
            </collectionProp>
          </HeaderManager>
          <hashTree/>
          <RegexExtractor guiclass="RegexExtractorGui" testclass="RegexExtractor" testname="cold">
            <stringProp name="RegexExtractor.useHeaders">false</stringProp>
            <stringProp name="RegexExtractor.refname">cold</stringProp>
            <stringProp name="RegexExtractor.regex">"cold_start": ?(true|false)</stringProp>
            <stringProp name="RegexExtractor.template">$1$</stringProp>
            <stringProp name="RegexExtractor.default">unknown</stringProp>
            <stringProp name="RegexExtractor.match_number">1</stringProp>
          </RegexExtractor>
          <hashTree/>
        </hashTree>
      </hashTree>
"""
_LOCUST = '''"""The paper's requests to {url}, by `python -m lab experiments client-plan locust`.

    locust --headless --users 10 --spawn-rate 100 --run-time 30s --locustfile {file}

Each answer becomes a line of the file that WARMLENS_RESULTS names (results.csv unless set), which
`python -m lab experiments read-results` reads. The API's key is taken from WARMLENS_API_KEY.
"""

import csv
import json
import os
import time

from locust import FastHttpUser, constant, events, task

_FILE = open(os.environ.get("WARMLENS_RESULTS", "results.csv"), "w", newline="")
_RESULTS = csv.writer(_FILE)
_RESULTS.writerow(
    ["timeStamp", "elapsed", "label", "responseCode", "success", "allThreads", "cold"]
)
_USERS = []


@events.request.add_listener
def _on_request(name, response_time, response, exception, start_time, **_):
    status = getattr(response, "status_code", 0)
    try:
        cold = json.loads(response.text).get("cold_start", False)
    except (AttributeError, TypeError, ValueError):
        cold = "unknown"
    success = exception is None and status == 200
    _RESULTS.writerow(
        [
            round(start_time * 1000),
            round(response_time, 2),
            name,
            status,
            str(success).lower(),
            len(_USERS),
            str(cold).lower(),
        ]
    )


@events.test_stop.add_listener
def _on_stop(**_):
    _FILE.flush()


class User(FastHttpUser):
    """Sends the next request when the one before is answered."""

    host = {url!r}
    wait_time = constant(0)
    network_timeout = connection_timeout = 60.0

    def on_start(self):
        _USERS.append(self)
        key = os.environ.get("WARMLENS_API_KEY")
        self.key_header = {{"x-api-key": key}} if key else {{}}
        self._send("wakeup", {wakeup!r})

    @task
    def classification(self):
        self._send("classification", {classification!r})

    def _send(self, name, body):
        self.client.post(f"{path}/{{name}}", name=name, json=body, headers=self.key_header)
'''


def jmeter_plan(url: str) -> str:
    """Return a JMeter test plan that wakes instances and then sends the load.

    Properties: `users` (100), `loops` (10), `warm` (5), `key` (empty).

    Args:
        url: root of the API.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    groups = ""
    for label, body, threads, loops in (
        ("wakeup", WAKEUP, "${__P(warm,5)}", "1"),
        ("classification", CLASSIFICATION, "${__P(users,100)}", "${__P(loops,10)}"),
    ):
        groups += _GROUP.format(
            label=label,
            threads=threads,
            loops=loops,
            body=escape(json.dumps(body), {'"': "&quot;"}),
            host=escape(parts.hostname or ""),
            port=port,
            scheme=parts.scheme,
            path=escape(f"{parts.path.rstrip('/')}/{label}"),
        )
    return _JMETER.format(groups=groups)


def locust_file(url: str, file: str) -> str:
    """Return a Locust file.

    Args:
        url: root of the API.
        file: the file's name, for the command in its docstring.
    """
    parts = urlsplit(url)
    return _LOCUST.format(
        url=f"{parts.scheme}://{parts.netloc}",
        path=parts.path.rstrip("/"),
        file=file,
        wakeup=WAKEUP,
        classification=CLASSIFICATION,
    )
