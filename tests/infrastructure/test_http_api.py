"""The templates of environments with an HTTP API instead of a REST API."""

import json
from typing import Any

import pytest

from stacks.settings import Settings, SettingsError
from tests.infrastructure.test_observability import alarm
from tests.infrastructure.variants import Assembly

ROUTES = {
    "POST /classification",
    "POST /wakeup",
    "GET /model",
    "POST /uploads",
    "DELETE /uploads",
}
TOKENS: dict[str, Any] = {
    "api": "http",
    "auth": "jwt",
    "jwt_issuer": "https://login.a.example/",
    "jwt_audience": ("an-app",),
    "waf": False,
    "web": False,
}


@pytest.fixture
def http(variants: dict[str, Assembly]) -> Assembly:
    """An environment with a page, open to anyone."""
    return variants["http"]


@pytest.fixture
def tokens(variants: dict[str, Assembly]) -> Assembly:
    """An environment for callers with tokens."""
    return variants["tokens"]


def routes(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = [each["Properties"] for each in assembly.resources("AWS::ApiGatewayV2::Route")]
    return {each["RouteKey"]: each for each in found}


def test_each_call_reaches_the_alias_or_the_uploads_function_alone(http: Assembly) -> None:
    assert set(routes(http)) == ROUTES
    (template,) = (
        each
        for each in http.templates.values()
        if any(part["Type"] == "AWS::ApiGatewayV2::Api" for part in each["Resources"].values())
    )
    for key, route in routes(http).items():
        integration = template["Resources"][route["Target"]["Fn::Join"][1][1]["Ref"]]
        target = json.dumps(integration["Properties"]["IntegrationUri"])
        assert ("UploadsFunction" if key.endswith("/uploads") else "ClassifierLive") in target
        assert "ClassifierFunction" not in target
        assert integration["Properties"]["PayloadFormatVersion"] == "2.0"
    # Whoever calls the API may have it invoke each function for its own call only.
    permissions = http.resources(
        "AWS::Lambda::Permission", {"Principal": "apigateway.amazonaws.com"}
    )
    ends = {each["Properties"]["SourceArn"]["Fn::Join"][1][-1] for each in permissions}
    assert ends == {"/*/*/classification", "/*/*/wakeup", "/*/*/model", "/*/*/uploads"}


def test_nothing_of_a_rest_api_is_deployed_beside_it(http: Assembly, tokens: Assembly) -> None:
    for assembly in (http, tokens):
        kinds = {kind for kind in assembly.kinds if kind.startswith("AWS::ApiGateway::")}
        assert kinds == set()
        assert not any(kind.startswith("AWS::WAFv2::") for kind in assembly.kinds)


def test_the_stage_has_the_throttles_of_the_settings(http: Assembly) -> None:
    stage = http.only("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 33, "ThrottlingBurstLimit": 44}
    assert stage["RouteSettings"] == {
        key: {"ThrottlingRateLimit": rps, "ThrottlingBurstLimit": rps}
        for key, rps in (
            ("POST /wakeup", 3),
            ("GET /model", 3),
            ("POST /uploads", 2),
            ("DELETE /uploads", 2),
        )
    }
    assert stage["AutoDeploy"] is True  # else a change of a route would not go live


def test_routes_are_there_before_the_stage_that_has_settings_for_them(http: Assembly) -> None:
    for template in http.templates.values():
        for part in template["Resources"].values():
            if part["Type"] == "AWS::ApiGatewayV2::Stage":
                waits_for = {template["Resources"][name]["Type"] for name in part["DependsOn"]}
                assert "AWS::ApiGatewayV2::Route" in waits_for


def test_the_access_log_has_a_rest_apis_fields_without_web_acl_and_key(
    http: Assembly, plain: Assembly, tokens: Assembly
) -> None:
    record = json.loads(http.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    rest = json.loads(plain.only("AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"])
    assert set(rest) - set(record) == {"waf", "api_key_id"}
    assert set(record) <= set(rest)
    assert record["message"] == "access"
    assert "AccessLogSettings" not in tokens.only("AWS::ApiGatewayV2::Stage")


def test_only_pages_of_the_cors_origins_may_call_it(http: Assembly, tokens: Assembly) -> None:
    rules = http.only("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert rules["AllowOrigins"] == ["https://c.example", "https://d.example"]
    assert rules["AllowMethods"] == ["GET", "POST", "DELETE"]
    assert "Authorization" in rules["AllowHeaders"]
    assert "CorsConfiguration" not in tokens.only("AWS::ApiGatewayV2::Api")


def test_every_call_asks_for_a_token_of_the_issuer_for_one_of_the_audiences(
    tokens: Assembly, http: Assembly
) -> None:
    authorizer = tokens.only("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {
        "Issuer": "https://login.a.example/",
        "Audience": ["phone-app", "desk-app"],
    }
    assert set(routes(tokens)) == ROUTES
    for route in routes(tokens).values():
        assert route["AuthorizationType"] == "JWT"
        assert "Tokens" in route["AuthorizerId"]["Ref"]
    assert {each["AuthorizationType"] for each in routes(http).values()} == {"NONE"}


def test_the_page_calls_it_under_its_own_domain(http: Assembly) -> None:
    config = http.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    (origin,) = (each for each in config["Origins"] if "CustomOriginConfig" in each)
    assert "HttpApi" in json.dumps(origin["DomainName"])
    assert "execute-api" in json.dumps(origin["DomainName"])
    assert origin["OriginPath"] == "/v1"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert [each["HeaderName"] for each in origin["OriginCustomHeaders"]] == ["x-warmlens-page"]
    # No web ACL reads the viewer's address.
    assert "AWS::CloudFront::Function" not in http.kinds


def test_dashboard_and_alarms_read_its_own_metrics(http: Assembly) -> None:
    found = alarm(http, "ApiErrors")
    assert (found["Namespace"], found["MetricName"]) == ("AWS/ApiGateway", "5xx")
    (dimension,) = found["Dimensions"]
    assert dimension["Name"] == "ApiId"
    board = json.dumps(http.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for name in ("Count", "4xx", "5xx"):
        assert rf"\"AWS/ApiGateway\",\"{name}\",\"ApiId\"" in board.replace(r"\\", "\\")
    assert "4XXError" not in board
    assert "0.000001000000" in board  # a call's price


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["auth = 'none', 'iam' or 'jwt'", "waf = False"]),
        ({"auth": "none"}, ["waf = False"]),
        ({"waf": False}, ["auth = 'none', 'iam' or 'jwt'"]),
        ({"daily_quota": 5}, ["auth =", "waf = False", "daily_quota = None"]),
        ({"auth": "iam", "waf": False, "web": False, "daily_quota": 5}, ["daily_quota = None"]),
    ],
)
def test_settings_that_only_a_rest_api_has_are_refused_together(
    changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings(env_name="dev", api="http", **changes)
    assert str(refusal.value).startswith("environment dev: api = 'http'; ")
    for each in ("auth =", "waf =", "daily_quota ="):
        assert (each in str(refusal.value)) is any(each in word for word in words)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api": "rest"}, "auth = 'jwt'; it needs api = 'http'"),
        ({"jwt_issuer": None}, "jwt_issuer = None; allowed is an https address"),
        ({"jwt_issuer": "http://login.a.example"}, "jwt_issuer = 'http://login.a.example'"),
        ({"jwt_audience": ()}, r"jwt_audience = \(\); allowed are 1 to 50"),
        ({"jwt_audience": tuple(map(str, range(51)))}, "jwt_audience = .*allowed are 1 to 50"),
        ({"jwt_audience": ("an app",)}, "jwt_audience"),
        ({"web": True}, "web = True; allowed is False"),
        ({"auth": "none"}, "jwt_issuer = 'https://login.a.example/'; allowed is None"),
        ({"auth": "iam", "jwt_issuer": None}, r"jwt_audience = .*allowed is \(\)"),
    ],
)
def test_settings_that_do_not_fit_tokens_are_refused(changes: dict[str, Any], words: str) -> None:
    Settings(env_name="dev", **TOKENS)
    with pytest.raises(SettingsError, match=words):
        Settings(env_name="dev", **{**TOKENS, **changes})
