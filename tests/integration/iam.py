"""Permissions that policies grant, and that calls to AWS need."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

ACCOUNT, REGION = "000000000000", "us-east-1"
MOUNTS = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")


@dataclass(frozen=True, order=True)
class Need:
    """A permission that a call needs."""

    action: str
    resource: str


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource that a statement allows; both may have wildcards."""

    action: str
    resource: str

    def allows(self, need: Need) -> bool:
        """IAM user guide, "IAM JSON policy elements": `*` is any text, `?` any character."""
        return bool(
            _pattern(self.action, re.IGNORECASE).fullmatch(need.action)
            and _pattern(self.resource).fullmatch(need.resource)
        )


def _pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in text)
    return re.compile("".join(parts), re.DOTALL | flags)


def grants_of(iam: Any, role_arn: str) -> set[Grant]:
    """Everything that a role's policies allow, as they were deployed."""
    role = role_arn.rpartition("/")[2]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    grants = set()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        grants |= {each for statement in document["Statement"] for each in _granted(statement)}
    return grants


def _granted(statement: dict[str, Any]) -> Iterator[Grant]:
    known = {"Sid", "Effect", "Action", "Resource"}
    if all(each in MOUNTS for each in _list(statement["Action"])):
        known.add("Condition")  # which access point; a call to AWS has no part in it
    assert set(statement) <= known, statement
    assert statement["Effect"] == "Allow"
    for action in _list(statement["Action"]):
        for resource in _list(statement["Resource"]):
            # The emulator names a parameter with a leading slash, CloudFormation without.
            yield Grant(action, resource.replace(":parameter//", ":parameter/"))


def grants_of_template(
    templates: Iterable[dict[str, Any]], role: str, arns: Mapping[str, str]
) -> set[Grant]:
    """Everything that a role's policies allow, as they are in an environment's templates.

    Args:
        templates: those of the environment.
        role: the beginning of the role's logical name, such as `ClassifierRole`.
        arns: values of references, by a part of the names that the CDK gives to them.
    """

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(each) for each in value]
        if not isinstance(value, dict):
            return value
        ((kind, argument),) = value.items()
        if kind == "Fn::Join":
            separator, parts = argument
            return separator.join(map(text, parts))
        reference = json.dumps(argument)
        return next((arn for name, arn in arns.items() if name in reference), reference)

    return {
        grant
        for template in templates
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Policy" and name.startswith(role)
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        for grant in _granted({**statement, "Resource": text(statement["Resource"])})
    }


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def needed(method: str, path: str, query: str, headers: Any, body: bytes) -> Need:
    """Return the permission that an HTTP request to AWS needs.

    Raises:
        LookupError: a kind of call that is not known here; add it after a look at the service
            authorization reference.
    """
    target = headers.get("X-Amz-Target", "")
    if target.startswith("AmazonSSM."):
        name = re.search(rb'"Name": ?"([^":]+)', body)
        assert name is not None
        parameter = name[1].decode().lstrip("/")
        resource = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{parameter}"
        return Need(f"ssm:{target.removeprefix('AmazonSSM.')}", resource)
    if target == "GraniteServiceVersion20100801.GetMetricData":
        return Need("cloudwatch:GetMetricData", "*")
    if match := re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", path):
        return Need("lambda:InvokeFunction", unquote(match[1]))
    if match := re.fullmatch(r"/2019-09-30/functions/([^/]+)/concurrency", path):
        return Need("lambda:GetFunctionConcurrency", unquote(match[1]))
    if path.startswith("/2016-08-19/account-settings"):
        return Need("lambda:GetAccountSettings", "*")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if key and method in ("GET", "HEAD"):
        return Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    if key and method == "DELETE":
        return Need("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{key}")
    if not key and method == "POST":  # a signed upload; its key is a field of the form
        field = re.search(rb'name="key"\r\n\r\n([^\r]+)', body)
        assert field is not None
        return Need("s3:PutObject", f"arn:aws:s3:::{bucket}/{field[1].decode()}")
    raise LookupError(f"{method} {path}?{query}")
