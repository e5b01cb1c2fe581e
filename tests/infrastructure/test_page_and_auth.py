"""Authorization of the API, and delivery of the page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stacks.page import page_documents
from stacks.settings import MAX_IN_REQUEST_BYTES
from tests.infrastructure.variants import CERTIFICATE, ODD, Assembly
from warmlens.local.cloud import _documents
from warmlens.local.gateway import page_policy
from warmlens.paths import MODEL_ARTIFACTS
from warmlens_client.photos import MAX_IN_CALL_BYTES

Variants = dict[str, Assembly]


@pytest.mark.parametrize(
    ("name", "authorization", "key"),
    [("plain", "NONE", True), ("bare", "NONE", False), ("iam", "AWS_IAM", False)],
)
def test_every_call_asks_for_what_the_settings_say(
    variants: Variants, name: str, authorization: str, key: bool
) -> None:
    methods = [
        method["Properties"]
        for method in variants[name].resources("AWS::ApiGateway::Method")
        if method["Properties"]["HttpMethod"] != "OPTIONS"
    ]
    assert len(methods) == 5
    for method in methods:
        assert method["AuthorizationType"] == authorization
        assert method.get("ApiKeyRequired", False) is key
    has_key = "AWS::ApiGateway::ApiKey" in variants[name].kinds
    assert has_key is key


def test_the_web_acl_limits_each_address_and_believes_the_page_alone(
    odd: Assembly, variants: Variants
) -> None:
    rules = {rule["Name"]: rule for rule in odd.only("AWS::WAFv2::WebACL")["Rules"]}
    address = rules["RatePerAddress"]["Statement"]["RateBasedStatement"]
    viewer = rules["RatePerViewer"]["Statement"]["RateBasedStatement"]
    assert (address["Limit"], viewer["Limit"]) == (777, 777)
    assert "NotStatement" in address["ScopeDownStatement"]
    header = viewer["ScopeDownStatement"]["ByteMatchStatement"]
    assert header["FieldToMatch"]["SingleHeader"] == {"Name": "x-warmlens-page"}
    distribution = odd.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    (origin,) = (each for each in distribution["Origins"] if "CustomOriginConfig" in each)
    (sent,) = origin["OriginCustomHeaders"]
    assert sent["HeaderName"] == "x-warmlens-page"
    alone = variants["iam"].only("AWS::WAFv2::WebACL")["Rules"]
    (rule,) = (each for each in alone if "RateBasedStatement" in each["Statement"])
    assert rule["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"


def test_the_web_acl_lets_photos_through_and_only_to_the_call_that_takes_them(
    odd: Assembly,
) -> None:
    rules = {rule["Name"]: rule for rule in odd.only("AWS::WAFv2::WebACL")["Rules"]}
    common = rules["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    counted = [each["Name"] for each in common["RuleActionOverrides"]]
    assert all(each["ActionToUse"] == {"Count": {}} for each in common["RuleActionOverrides"])
    assert "SizeRestrictions_BODY" in counted  # it refuses bodies of more than 8 KB
    refusing = rules["BodiesWithoutPhotos"]
    assert refusing["Action"] == {"Block": {}}
    assert refusing["Priority"] > rules["AWSManagedRulesCommonRuleSet"]["Priority"]
    found, elsewhere = refusing["Statement"]["AndStatement"]["Statements"]
    labels = [each["LabelMatchStatement"]["Key"] for each in found["OrStatement"]["Statements"]]
    # The query of a deletion names a file; that rule refuses nothing elsewhere either.
    counted.remove("RestrictedExtensions_QUERYARGUMENTS")
    names = [name.removesuffix("_BODY") for name in counted]
    assert labels == [f"awswaf:managed:aws:core-rule-set:{name}_Body" for name in names]
    path = elsewhere["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert path["FieldToMatch"] == {"UriPath": {}}
    assert (path["PositionalConstraint"], path["SearchString"]) == ("ENDS_WITH", "/classification")


def test_the_page_is_read_by_its_distribution_alone(plain: Assembly) -> None:
    config = plain.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    (origin,) = (each for each in config["Origins"] if "S3OriginConfig" in each)
    assert "OriginAccessControlId" in origin
    allowed = [
        statement
        for policy in plain.resources("AWS::S3::BucketPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    ]
    (statement,) = allowed
    assert statement["Action"] == "s3:GetObject"
    assert "AWS:SourceArn" in json.dumps(statement["Condition"])


def test_the_page_has_the_api_under_its_own_domain(odd: Assembly) -> None:
    config = odd.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    behaviors = {each["PathPattern"]: each for each in config["CacheBehaviors"]}
    assert set(behaviors) == {"/classification", "/wakeup", "/model", "/uploads"}
    for behavior in behaviors.values():
        assert behavior["ViewerProtocolPolicy"] == "https-only"
        assert "POST" in behavior["AllowedMethods"]
    assert config["Aliases"] == ["photos.a.example"]
    assert config["ViewerCertificate"]["AcmCertificateArn"] == CERTIFICATE
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"


def test_the_page_may_send_photos_to_the_images_bucket_and_nowhere_else(plain: Assembly) -> None:
    policy = plain.only("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    headers = policy["SecurityHeadersConfig"]
    given = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    csp = json.dumps(given)
    assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;" in csp
    for directive in ("worker-src", "base-uri", "form-action", "frame-ancestors"):
        assert directive in csp
    assert "unsafe" not in csp
    # One address, that of the bucket's region, which the uploads function signs for.
    known = {"AWS::Region": "REGION", "AWS::URLSuffix": "amazonaws.com"}
    text = "".join(
        each if isinstance(each, str) else known.get(each.get("Ref"), "BUCKET")
        for each in given["Fn::Join"][1]
    )
    (hosts,) = re.findall(r"connect-src 'self' ([^;]*);", text)
    assert hosts == "https://BUCKET.s3.REGION.amazonaws.com"
    assert text == page_policy(hosts)  # the local cloud's page is held to the same
    assert "Images" in csp
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000
    assert headers["FrameOptions"]["FrameOption"] == "DENY"


def test_the_local_page_links_to_the_documents_that_are_deployed() -> None:
    assert _documents(MODEL_ARTIFACTS) == page_documents()


def test_the_files_of_the_page_are_deployed_with_what_it_must_know(
    plain: Assembly, odd: Assembly, variants: Variants
) -> None:
    deployment = plain.only("Custom::CDKBucketDeployment")
    assert deployment["DistributionPaths"] == ["/*"]
    cards = configuration(plain)["cards"]
    assert "products-resnet50-1.1.0.txt" in cards
    assert configuration(plain) == {
        "model_name": "products-resnet50",
        "model_version": "1.1.0",
        "auth": "api_key",
        "wake_ahead": True,
        "max_in_request_bytes": MAX_IN_REQUEST_BYTES,
        "max_image_bytes": 64 * 2**20,
        "max_image_pixels": 50_000_000,
        "max_decode_ms": 5_000,
        "daily_quota": None,
        "requests_per_5_min": 2_000,
        "prices": {
            "region": "us-east-1",
            "memory_mb": 1769,
            "call_usd": pytest.approx(0.2e-6 + 3.5e-6),
            "ms_usd": pytest.approx(1769 / 1024 * 0.0000166667 / 1000),
        },
        "cards": cards,
        "photos_kept": "until it is deleted",
    }
    for name in ("api.txt", *(f"cards/{card}" for card in cards)):
        assert "# " in deployed(plain, name).read_text(encoding="utf-8-sig")
    assert configuration(odd)["photos_kept"] == "for 3 days"
    assert configuration(variants["provisioned"])["wake_ahead"] is False


def test_the_page_sends_photos_in_the_call_where_the_service_takes_them(
    plain: Assembly, odd: Assembly, variants: Variants
) -> None:
    assert MAX_IN_REQUEST_BYTES == MAX_IN_CALL_BYTES
    limits = {plain: MAX_IN_REQUEST_BYTES, odd: ODD.max_image_bytes, variants["provisioned"]: 0}
    for assembly, max_bytes in limits.items():
        assert configuration(assembly)["max_in_request_bytes"] == max_bytes


def configuration(assembly: Assembly) -> Any:
    """Return what the page is deployed with beside its files."""
    return json.loads(deployed(assembly, "configuration.json").read_text(encoding="utf-8"))


def deployed(assembly: Assembly, name: str) -> Path:
    """Return a file beside those of the page."""
    _, *keys = assembly.only("Custom::CDKBucketDeployment")["SourceObjectKeys"]
    folders = [assembly.folder.parent / f"asset.{key.removesuffix('.zip')}" for key in keys]
    (file,) = [folder / name for folder in folders if (folder / name).is_file()]
    return file


def test_a_page_without_a_key_is_told_so_in_the_apis_own_form(plain: Assembly) -> None:
    templates = {
        each["Properties"]["ResponseType"]: json.loads(
            each["Properties"]["ResponseTemplates"]["application/json"].replace(
                "$context.error.messageString", '"words"'
            )
        )["error"]["code"]
        for each in plain.resources("AWS::ApiGateway::GatewayResponse")
    }
    assert templates["INVALID_API_KEY"] == "invalid_api_key"
    assert templates["WAF_FILTERED"] == "blocked"


def test_every_call_is_in_the_access_log_and_no_body_is(plain: Assembly, odd: Assembly) -> None:
    for assembly in (plain, odd):
        stage = assembly.only("AWS::ApiGateway::Stage")
        record = json.loads(stage["AccessLogSetting"]["Format"])
        assert {"status", "path", "ip", "latency_ms", "function_ms"} <= set(record)
        assert not [each for each in stage["MethodSettings"] if each["DataTraceEnabled"]]
        assert {each["LoggingLevel"] for each in stage["MethodSettings"]} == {"ERROR"}
        assert stage["TracingEnabled"] is True
