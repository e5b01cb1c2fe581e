"""Checks of an environment's settings against the limits of the AWS account."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from warmlens.doctor.check import Check, unreadable
from warmlens.errors import WarmlensError
from warmlens.local.assembly import CDK_VARIABLES
from warmlens.paths import ROOT, require_checkout

KEPT_UNRESERVED = 100
"""Lambda developer guide, "Configuring reserved concurrency"."""
NEW_ACCOUNT_MEMORY_MB = 3008
"""Lambda's answer in accounts with reduced quotas (developer guide, "Lambda quotas"), which no call
reports: github.com/alexcasalboni/aws-lambda-power-tuning, issue 217."""
Client = Callable[..., Any]
NewCheck = partial[Check]
# In a process of its own: app.py loads the CDK.
_READ_SETTINGS = """
import dataclasses, json, sys
import app
try:
    settings = app.settings_of(sys.argv[1])
    settings = dataclasses.replace(settings, region=settings.region or sys.argv[2])
except app.SettingsError as error:
    sys.exit(str(error))
derived = {"warm_by_hour": settings.warm_by_hour, "warm_setting": settings.warm_setting}
print(json.dumps({**dataclasses.asdict(settings), **derived}))
"""


def environment_checks(env_name: str, client: Client, *, region: str) -> Iterator[Check]:
    """Compare the settings of an environment with the account, without changing anything.

    Args:
        env_name: name of the environment.
        client: returns a client of boto3 for a service, and for a region if one is given.
        region: region of the shell.

    Raises:
        WarmlensError: `no_checkout`.
    """
    require_checkout("warmlens doctor --env")
    try:
        settings = _settings(env_name, region)
    except WarmlensError as error:
        name, mend = f"Settings of {env_name}", "Change it in environments.py"
        yield Check(name=name, goal="deploy", state="problem", found=error.message, mend=mend)
        return
    yield from limit_checks(settings, partial(client, region_name=settings["region"]))


def limit_checks(settings: dict[str, Any], client: Client) -> Iterator[Check]:
    """Compare settings with the account's limits.

    Args:
        settings: an environment's settings, with its region, `warm_by_hour` and `warm_setting`.
        client: returns a client of boto3 for a service.
    """
    compared: dict[str, Callable[[Client, dict[str, Any], NewCheck], Check]] = {
        "Concurrency": _concurrency,
        "Memory": _memory,
    }
    if settings["web"]:
        compared["CloudFront"] = _cloudfront
    if settings["model_store"] == "efs":
        compared["EFS"] = _efs
    for name, compare in compared.items():
        check = partial(Check, name=f"{name} for {settings['env_name']}", goal="deploy")
        try:
            yield compare(client, settings, check)
        except (BotoCoreError, ClientError) as error:
            yield unreadable(check, error)


def _settings(env_name: str, region: str) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, "-c", _READ_SETTINGS, env_name, region],
        cwd=ROOT,
        env={**os.environ, **CDK_VARIABLES},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["environments.py cannot be read"]
        raise WarmlensError("bad_setting", lines[-1])
    settings: dict[str, Any] = json.loads(result.stdout)
    return settings


def _concurrency(client: Client, settings: dict[str, Any], check: NewCheck) -> Check:
    """Check what the environment reserves or provisions, else what a round of pings needs.

    Of the account's unreserved concurrency, 100 calls cannot be reserved or provisioned.
    """
    lambda_ = client("lambda")
    limit = lambda_.get_account_settings()["AccountLimit"]
    most = limit["ConcurrentExecutions"]
    free = limit["UnreservedConcurrentExecutions"] + _own(lambda_, settings["env_name"])
    can_take = max(0, free - KEPT_UNRESERVED)
    found = f"{most} calls at once in {settings['region']}, {free} of them for this environment"
    warm = max(settings["warm_by_hour"])
    warm_setting = settings["warm_setting"]
    quota = "Service Quotas, AWS Lambda, Concurrent executions"

    def refused(setting: str, count: int, others: str) -> Check:
        at_most = f"{setting} of at most {can_take}, or " if can_take else ""
        return check(
            state="problem",
            found=f"{found}; {setting} = {count}, but Lambda keeps {KEPT_UNRESERVED} unreserved",
            mend=f"In environments.py: {at_most}{others}. Or ask for "
            f"{most + count + KEPT_UNRESERVED - free} calls at once: {quota}",
        )

    reserved = settings["reserved_concurrency"]
    if reserved is not None:
        if reserved > can_take:
            return refused("reserved_concurrency", reserved, "reserved_concurrency = None")
        return check(state="ok", found=f"{found}; reserved_concurrency = {reserved}")
    if settings["warming"] == "provisioned" and warm > can_take:
        return refused(warm_setting, warm, "warming = 'ping'")
    needed = warm + settings["warming_user_reserve"]
    if settings["warming"] == "ping" and needed > free:
        return check(
            state="warning",
            found=f"{found}; a round takes {warm} and leaves {needed - warm} to users",
            mend=f"Fewer instances will be warm. In environments.py: a lower {warm_setting}. Or "
            f"ask for {most + needed - free} calls at once: {quota}",
        )
    return check(state="ok", found=found)


def _own(lambda_: Any, env_name: str) -> int:
    """Return what the deployed environment has reserved already."""
    try:
        answer = lambda_.get_function_concurrency(FunctionName=f"warmlens-{env_name}-classifier")
    except lambda_.exceptions.ResourceNotFoundException:
        return 0
    return int(answer.get("ReservedConcurrentExecutions", 0))


def _memory(client: Client, settings: dict[str, Any], check: NewCheck) -> Check:
    memory_mb = settings["memory_mb"]
    if memory_mb <= NEW_ACCOUNT_MEMORY_MB:
        return check(state="ok", found=f"memory_mb = {memory_mb}, which every account allows")
    return check(
        state="warning",
        found=f"memory_mb = {memory_mb}; a new account may be limited to "
        f"{NEW_ACCOUNT_MEMORY_MB}, which AWS does not report before a deploy",
        mend=f"If the deploy is refused: memory_mb = {NEW_ACCOUNT_MEMORY_MB} in environments.py, "
        "or ask AWS Support for the full memory",
    )


def _cloudfront(client: Client, settings: dict[str, Any], check: NewCheck) -> Check:
    listed = client("cloudfront").list_distributions(MaxItems="1")["DistributionList"]
    if listed.get("Quantity", 0) > 0:
        return check(state="ok", found="the account has distributions already")
    return check(
        state="warning",
        found="the account has no distribution; AWS may have to verify a new account first, and "
        "does not report whether it has",
        mend='If the deploy is refused with "Your account must be verified": web = False in '
        "environments.py, and send the message to AWS Support",  # as the message itself says
    )


def _efs(client: Client, settings: dict[str, Any], check: NewCheck) -> Check:
    """Check the two zones that the stack takes, by EC2's list of zones with EFS's endpoint.

    EFS itself has no call that lists its zones.
    """
    ec2 = client("ec2")
    zones = _zones(ec2)[:2]
    service = f"com.amazonaws.{settings['region']}.elasticfilesystem"
    details = ec2.describe_vpc_endpoint_services(ServiceNames=[service])["ServiceDetails"]
    offered = {zone for each in details for zone in each.get("AvailabilityZones", [])}
    without = [zone for zone in zones if zone not in offered]
    if not without:
        return check(state="ok", found=f"EFS is offered in {' and '.join(zones)}")
    return check(
        state="warning",
        found=f"the file system would be in {' and '.join(zones)}; EC2 does not list EFS in "
        f"{' and '.join(without)}",
        mend='If the deploy is refused: model_store = "s3" in environments.py, or another region',
    )


def _zones(ec2: Any) -> list[str]:
    """Return the zones that CloudFormation's Fn::GetAZs returns.

    Those are the zones with a default subnet, or all if there is none.
    """
    zones = ec2.describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
    )["AvailabilityZones"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    default = {each["AvailabilityZone"] for each in subnets["Subnets"]}
    names = sorted(zone["ZoneName"] for zone in zones)
    return [name for name in names if name in default] or names
