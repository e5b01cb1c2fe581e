"""The web ACL (firewall) of the API."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from stacks.constructs.function import log_group
from stacks.settings import Settings

PAGE_HEADER = "x-warmlens-page"
VIEWER_HEADER = "x-warmlens-viewer"

_WINDOW_S = 300
_COMMON_RULES = "AWSManagedRulesCommonRuleSet"
_BODY_RULES = (
    "SizeRestrictions",
    "CrossSiteScripting",
    "GenericLFI",
    "GenericRFI",
    "EC2MetaDataSSRF",
)
"""The rules of the common set that read bodies: WAF developer guide, "Baseline rule groups". They
refuse bodies of more than 8 KB, and what looks like a script in a photo."""
_COUNTED_ONLY = ("RestrictedExtensions_QUERYARGUMENTS",)
"""Rules that block nothing: the query of a deletion names a file, and no list of what this rule
refuses is published."""


class WebAcl(Construct):
    """A rate limit for each IP address, and AWS's managed rules.

    Requests of the page come from CloudFront's addresses. They are counted by the viewer's address
    in a header from CloudFront, which is trusted only together with the page's token.

    Args:
        settings: settings of the environment.
        stage_arn: ARN of the protected API stage.
        page_token: value of the header that CloudFront adds to the page's requests.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        stage_arn: str,
        page_token: str,
    ) -> None:
        super().__init__(scope, construct_id)
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("Acl"),
            rules=[
                *_rate_rules(settings, page_token),
                _managed(
                    _COMMON_RULES,
                    priority=2,
                    counted=[*(f"{each}_BODY" for each in _BODY_RULES), *_COUNTED_ONLY],
                ),
                _managed("AWSManagedRulesKnownBadInputsRuleSet", priority=3),
                _bodies_without_photos(priority=4),
            ],
        )
        wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn
        )
        if settings.access_logs:
            self._log(acl, settings)

    def _log(self, acl: wafv2.CfnWebACL, settings: Settings) -> None:
        name = f"aws-waf-logs-{settings.physical_name('api')}"  # WAF requires this prefix
        group = log_group(self, "Logs", settings=settings, name=name)
        # Not log_group_arn: it ends in `:*`, which WAF rejects.
        arn = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=group.log_group_name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[arn],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                for name in ("x-api-key", "authorization", "x-delete-token", PAGE_HEADER)
            ],
        )


def _rate_rules(settings: Settings, page_token: str) -> list[wafv2.CfnWebACL.RuleProperty]:
    statement = wafv2.CfnWebACL.StatementProperty
    limit = settings.waf_requests_per_5_min
    if not settings.web:
        by_address = wafv2.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=limit, evaluation_window_sec=_WINDOW_S
        )
        return [_rate("RatePerAddress", 0, by_address)]
    from_page = statement(
        byte_match_statement=wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(
                single_header={"Name": PAGE_HEADER}
            ),
            positional_constraint="EXACTLY",
            search_string=page_token,
            text_transformations=[
                wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")
            ],
        )
    )
    not_from_page = statement(
        not_statement=wafv2.CfnWebACL.NotStatementProperty(statement=from_page)
    )
    by_address = wafv2.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="IP",
        limit=limit,
        evaluation_window_sec=_WINDOW_S,
        scope_down_statement=not_from_page,
    )
    by_viewer = wafv2.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="FORWARDED_IP",
        forwarded_ip_config=wafv2.CfnWebACL.ForwardedIPConfigurationProperty(
            header_name=VIEWER_HEADER, fallback_behavior="MATCH"
        ),
        limit=limit,
        evaluation_window_sec=_WINDOW_S,
        scope_down_statement=from_page,
    )
    return [_rate("RatePerAddress", 0, by_address), _rate("RatePerViewer", 1, by_viewer)]


def _rate(
    name: str, priority: int, limit: wafv2.CfnWebACL.RateBasedStatementProperty
) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(rate_based_statement=limit),
        visibility_config=_visibility(name),
    )


def _bodies_without_photos(*, priority: int) -> wafv2.CfnWebACL.RuleProperty:
    """Return the rule that blocks what the body rules counted, except on `/classification`."""
    statement = wafv2.CfnWebACL.StatementProperty
    found = [
        statement(
            label_match_statement=wafv2.CfnWebACL.LabelMatchStatementProperty(
                scope="LABEL", key=f"awswaf:managed:aws:core-rule-set:{name}_Body"
            )
        )
        for name in _BODY_RULES
    ]
    takes_a_photo = statement(
        byte_match_statement=wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="ENDS_WITH",
            search_string="/classification",
            text_transformations=[
                wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")
            ],
        )
    )
    elsewhere = statement(
        not_statement=wafv2.CfnWebACL.NotStatementProperty(statement=takes_a_photo)
    )
    any_found = statement(or_statement=wafv2.CfnWebACL.OrStatementProperty(statements=found))
    return wafv2.CfnWebACL.RuleProperty(
        name="BodiesWithoutPhotos",
        priority=priority,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=statement(
            and_statement=wafv2.CfnWebACL.AndStatementProperty(statements=[any_found, elsewhere])
        ),
        visibility_config=_visibility("BodiesWithoutPhotos"),
    )


def _managed(
    name: str, *, priority: int, counted: Sequence[str] = ()
) -> wafv2.CfnWebACL.RuleProperty:
    overrides = [
        wafv2.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in counted
    ]
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=name, rule_action_overrides=overrides or None
            )
        ),
        visibility_config=_visibility(name),
    )


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
