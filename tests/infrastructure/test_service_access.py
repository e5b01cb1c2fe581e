"""AWS services: who may publish an alarm, and which policies admit a service from elsewhere."""

import json
from collections.abc import Iterator
from typing import Any

from tests.infrastructure.variants import Assembly

Resources = dict[str, Any]

ALARM = "AWS::CloudWatch::Alarm"
RULE = "AWS::Events::Rule"
BUDGET = "AWS::Budgets::Budget"
NOTIFIES = {
    ALARM: "cloudwatch.amazonaws.com",
    RULE: "events.amazonaws.com",
    BUDGET: "budgets.amazonaws.com",
}
ACCOUNTS = ({"Ref": "AWS::AccountId"}, "123456789012")
ACTIONS_OF_ALARMS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def admits_account_alone(statement: dict[str, Any], resources: Resources) -> bool:
    """True if a condition names the account itself, or a resource whose ARN has it."""
    return any(
        (key.lower() == "aws:sourceaccount" and value in ACCOUNTS)
        or (key.lower() == "aws:sourcearn" and has_account(value, resources))
        for operator, keys in statement.get("Condition", {}).items()
        for key, value in keys.items()
        if not operator.endswith("IfExists")
    )


def has_account(arn: Any, resources: Resources) -> bool:
    """True for an ARN with an account id, as all but buckets' have."""
    if isinstance(arn, dict) and "Fn::GetAtt" in arn:
        return bool(resources[arn["Fn::GetAtt"][0]]["Type"] != "AWS::S3::Bucket")
    return any(json.dumps(each).strip('"') in json.dumps(arn) for each in ACCOUNTS)


def may_publish(service: str, topic: Any, template: dict[str, Any], target: dict[str, Any]) -> bool:
    """True if a topic's policy, or the role that a target names, lets a service publish to it."""
    resources: Resources = template["Resources"]
    if "RoleArn" in target:
        role_id = target["RoleArn"]["Fn::GetAtt"][0]
        trust = resources[role_id]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        trusted = [each for each in trust if service in listed(each["Principal"]["Service"])]
        granted = [
            statement
            for resource in resources.values()
            if resource["Type"] == "AWS::IAM::Policy"
            and {"Ref": role_id} in resource["Properties"]["Roles"]
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        ]
        return bool(trusted) and allows_publish(granted, topic)
    statements = [
        statement
        for resource in resources.values()
        if resource["Type"] == "AWS::SNS::TopicPolicy" and topic in resource["Properties"]["Topics"]
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert statements, (
        "without a policy of its own, a topic has SNS's default, which CDK's replaces"
    )
    own = [
        each
        for each in statements
        if isinstance(each["Principal"], dict)
        and service in listed(each["Principal"].get("Service", []))
    ]
    denied = [
        each
        for each in statements
        if each["Effect"] == "Deny"
        and each["Condition"] != {"Bool": {"aws:SecureTransport": "false"}}
    ]
    return not denied and allows_publish(own, topic)


def allows_publish(statements: list[dict[str, Any]], topic: Any) -> bool:
    return any(
        statement["Effect"] == "Allow"
        and "sns:Publish" in listed(statement["Action"])
        and topic in listed(statement["Resource"])
        for statement in statements
    )


def notifications(template: dict[str, Any]) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """Yield each topic of an alarm, a rule or a budget: its id, the service, topic and target."""
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == ALARM:
            for topic in (each for name in ACTIONS_OF_ALARMS for each in properties.get(name, [])):
                yield logical_id, NOTIFIES[ALARM], topic, {}
        if resource["Type"] == BUDGET:
            for notice in properties["NotificationsWithSubscribers"]:
                for subscriber in notice["Subscribers"]:
                    yield logical_id, NOTIFIES[BUDGET], subscriber["Address"], {}
        if resource["Type"] == RULE:
            for target in properties["Targets"]:
                if resource_type(template, target["Arn"]) == "AWS::SNS::Topic":
                    yield logical_id, NOTIFIES[RULE], target["Arn"], target


def resource_type(template: dict[str, Any], reference: dict[str, Any]) -> str:
    logical_id = reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0]
    return str(template["Resources"][logical_id]["Type"])


def test_every_alarm_and_every_failed_deployment_may_be_published_to_its_topic(
    any_assembly: Assembly,
) -> None:
    found = 0
    for template in any_assembly.templates.values():
        for logical_id, service, topic, target in notifications(template):
            assert resource_type(template, topic) == "AWS::SNS::Topic", logical_id
            assert may_publish(service, topic, template, target), logical_id
            found += 1
    # Each alarm is published when it is raised and when it ends.
    alarms = any_assembly.resources(ALARM)
    mailed = [each for each in alarms if each["Properties"].get("AlarmActions")]
    rules = [
        each
        for each in any_assembly.resources(RULE)
        if each["Properties"]["EventPattern"]["source"] == ["aws.codedeploy"]
    ]
    notices = [
        notice
        for budget in any_assembly.resources(BUDGET)
        for notice in budget["Properties"]["NotificationsWithSubscribers"]
    ]
    assert found == 2 * len(mailed) + len(rules) + len(notices)
    assert bool(mailed) is bool(any_assembly.resources("AWS::SNS::Topic"))


def test_nothing_else_publishes_that_the_walk_does_not_know(any_assembly: Assembly) -> None:
    for group in any_assembly.resources("AWS::CodeDeploy::DeploymentGroup"):
        assert "TriggerConfigurations" not in group["Properties"]
    for template in any_assembly.templates.values():
        topics = [
            name
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::SNS::Topic"
        ]
        kinds = {
            resource["Type"]
            for resource in template["Resources"].values()
            for name in topics
            if json.dumps({"Ref": name}) in json.dumps(resource.get("Properties", {}))
        }
        about_it = {"Policy", "Subscription", "TopicPolicy", "Parameter"}
        assert {each for each in kinds if each.split("::")[-1] not in about_it} <= set(NOTIFIES)


def test_no_policy_admits_a_service_that_acts_for_another_account(any_assembly: Assembly) -> None:
    """Services act for all accounts: a statement without a condition admits anyone's."""
    services = set()
    for template in any_assembly.templates.values():
        for logical_id, resource in template["Resources"].items():
            for statement in statements_of_resource_policy(resource):
                if statement["Effect"] == "Allow" and "Service" in principal_of(statement):
                    services.add(principal_of(statement)["Service"])
                    assert admits_account_alone(statement, template["Resources"]), (
                        logical_id,
                        statement,
                    )
    assert "apigateway.amazonaws.com" in services
    if any_assembly.resources("AWS::SNS::Topic"):
        assert "cloudwatch.amazonaws.com" in services


def principal_of(statement: dict[str, Any]) -> dict[str, Any]:
    principal = statement.get("Principal", {})
    return principal if isinstance(principal, dict) else {"AWS": principal}


def statements_of_resource_policy(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of any policy in a resource that names principals.

    Trust policies of roles are not among them: only this account can hand its roles to a service.
    """
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::Lambda::Permission":
        condition = {
            key: properties[name]
            for key, name in (
                ("aws:SourceArn", "SourceArn"),
                ("aws:SourceAccount", "SourceAccount"),
            )
            if name in properties
        }
        yield {
            "Effect": "Allow",
            "Principal": {"Service": properties["Principal"]},
            "Condition": {"StringEquals": condition},
        }
    for name, value in properties.items():
        if name.endswith("Policy") or name == "PolicyDocument":
            for statement in listed(value.get("Statement", [])) if isinstance(value, dict) else []:
                if "Principal" in statement:
                    yield statement
