"""Log lines from which CloudWatch creates metrics."""

import json

import pytest

from lambda_src.classifier.http_call import HttpCall, read_http_call
from lambda_src.classifier.logs import log, metrics
from lambda_src.classifier.request import cors_headers


def test_a_line_with_metrics_names_each_of_its_values_with_its_unit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log("INFO", "request", **metrics("dev", {"LatencyMs": 12.5, "ColdStart": 1}))
    line = json.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Warmlens"
    assert directive["Dimensions"] == [["Environment"]]
    assert directive["Metrics"] == [
        {"Name": "LatencyMs", "Unit": "Milliseconds"},
        {"Name": "ColdStart", "Unit": "Count"},
    ]
    assert (line["Environment"], line["LatencyMs"], line["ColdStart"]) == ("dev", 12.5, 1)


def test_without_an_environment_there_are_no_metrics() -> None:
    assert metrics(None, {"ColdStart": 1}) == {}


@pytest.mark.parametrize("header", ["origin", "Origin"])
def test_a_page_of_an_allowed_origin_and_no_other_may_read_the_answer(header: str) -> None:
    def call(headers: object) -> HttpCall:
        read = read_http_call({"requestContext": {}, "headers": headers})
        assert read is not None
        return read

    origins = ("https://a.example",)
    allowed = cors_headers(call({header: "https://a.example"}), origins)
    assert allowed["Access-Control-Allow-Origin"] == "https://a.example"
    for headers in ({header: "https://b.example"}, None, {}):
        assert "Access-Control-Allow-Origin" not in cors_headers(call(headers), origins)
    assert cors_headers(call({header: "https://a.example"}), ()) == {}
