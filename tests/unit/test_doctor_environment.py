"""Settings compared with the limits of an account, as AWS reports them."""

import dataclasses
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from stacks.settings import Settings
from warmlens.doctor.check import Check
from warmlens.doctor.environment import limit_checks

REGION = "eu-west-1"


class Account:
    """An account's answers; a service that is not asked needs none."""

    def __init__(self, stubs: dict[str, Stubber]) -> None:
        self.stubs = stubs

    def has_concurrency(self, most: int, unreserved: int | None = None, own: int = 0) -> None:
        free = most - own if unreserved is None else unreserved
        limit = {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": free}
        self.stubs["lambda"].add_response("get_account_settings", {"AccountLimit": limit})
        if own:
            answer = {"ReservedConcurrentExecutions": own}
            self.stubs["lambda"].add_response("get_function_concurrency", answer)
        else:
            self.stubs["lambda"].add_client_error(
                "get_function_concurrency", "ResourceNotFoundException"
            )

    def has_zones(self, *zones: str, default: tuple[str, ...], efs: tuple[str, ...]) -> None:
        stub = self.stubs["ec2"]
        names = [{"ZoneName": zone} for zone in zones]
        stub.add_response("describe_availability_zones", {"AvailabilityZones": names})
        subnets = [{"AvailabilityZone": zone} for zone in default]
        stub.add_response("describe_subnets", {"Subnets": subnets})
        service = {"AvailabilityZones": list(efs)}
        stub.add_response("describe_vpc_endpoint_services", {"ServiceDetails": [service]})

    def compare(self, **settings: Any) -> dict[str, Check]:
        chosen = Settings(env_name="prod", region=REGION, **{"web": False, **settings})
        derived = {"warm_by_hour": chosen.warm_by_hour, "warm_setting": chosen.warm_setting}
        document = {**dataclasses.asdict(chosen), **derived}
        clients = {service: stub.client for service, stub in self.stubs.items()}
        found = {each.name: each for each in limit_checks(document, clients.__getitem__)}
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        return found


@pytest.fixture
def account() -> Account:
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
    )
    services: Any = ("lambda", "cloudfront", "ec2")
    stubs = {service: Stubber(session.client(service)) for service in services}
    for stub in stubs.values():
        stub.activate()
    return Account(stubs)


@pytest.mark.parametrize(
    ("most", "settings", "state", "words"),
    [
        # What a new account refuses: nothing can be reserved or provisioned.
        (10, {"reserved_concurrency": 100}, "problem", "ask for 200 calls"),
        (10, {"warming": "provisioned"}, "problem", "warming = 'ping'. Or ask for 101 calls"),
        (120, {"reserved_concurrency": 21}, "problem", "of at most 20, or"),
        (120, {"reserved_concurrency": 20}, "ok", ""),
        (120, {"warming": "provisioned", "warm_instances": 20}, "ok", ""),
        (120, {"warming": "provisioned", "warm_instances": 21}, "problem", "warm_instances of at"),
        (
            120,
            {"warming": "provisioned", "warm_profile": (1,) * 23 + (21,)},
            "problem",
            "warm_profile of at most 20",
        ),
        (10, {"warm_instances": "auto"}, "warning", "a lower warm_instances_max. Or ask for 11"),
        # Pings need the instances, and what is left to users.
        (10, {"warm_instances": 9}, "ok", ""),
        (10, {"warm_instances": 10}, "warning", "a lower warm_instances. Or ask for 11 calls"),
        (10, {"warming": "off"}, "ok", ""),
        (1000, {"reserved_concurrency": 900}, "ok", ""),
        (1000, {"reserved_concurrency": 901}, "problem", "ask for 1001 calls"),
    ],
)
def test_concurrency_is_compared_with_what_the_account_can_give(
    account: Account, most: int, settings: dict[str, Any], state: str, words: str
) -> None:
    account.has_concurrency(most)
    check = account.compare(**settings)["Concurrency for prod"]
    assert check.state == state
    assert words in check.mend


def test_what_the_environment_has_reserved_already_is_its_own(account: Account) -> None:
    account.has_concurrency(200, own=100)
    check = account.compare(reserved_concurrency=100)["Concurrency for prod"]
    assert (check.state, check.mend) == ("ok", "")


@pytest.mark.parametrize(("memory_mb", "state"), [(3008, "ok"), (3009, "warning")])
def test_memory_of_new_accounts_is_named(account: Account, memory_mb: int, state: str) -> None:
    account.has_concurrency(1000)
    assert account.compare(memory_mb=memory_mb)["Memory for prod"].state == state


@pytest.mark.parametrize(("distributions", "state"), [(0, "warning"), (1, "ok")])
def test_an_account_without_distributions_may_not_be_verified(
    account: Account, distributions: int, state: str
) -> None:
    account.has_concurrency(1000)
    listed = {"Marker": "", "MaxItems": 1, "IsTruncated": False, "Quantity": distributions}
    account.stubs["cloudfront"].add_response("list_distributions", {"DistributionList": listed})
    check = account.compare(web=True)["CloudFront for prod"]
    assert check.state == state
    assert ("web = False" in check.mend) == (state == "warning")


@pytest.mark.parametrize(
    ("default", "efs", "state"),
    [
        ((), ("eu-west-1a", "eu-west-1b"), "ok"),
        ((), ("eu-west-1b", "eu-west-1c"), "warning"),
        # CloudFormation takes zones with a default subnet, where there are any.
        (("eu-west-1b", "eu-west-1c"), ("eu-west-1b", "eu-west-1c"), "ok"),
        (("eu-west-1b", "eu-west-1c"), ("eu-west-1a", "eu-west-1b"), "warning"),
    ],
)
def test_zones_without_efs_are_named(
    account: Account, default: tuple[str, ...], efs: tuple[str, ...], state: str
) -> None:
    account.has_concurrency(1000)
    zones = ("eu-west-1c", "eu-west-1a", "eu-west-1b")
    account.has_zones(*zones, default=default, efs=efs)
    check = account.compare(model_store="efs")["EFS for prod"]
    assert check.state == state
    assert ('model_store = "s3"' in check.mend) == (state == "warning")


def test_a_missing_permission_is_reported_and_the_rest_is_compared(account: Account) -> None:
    account.stubs["lambda"].add_client_error(
        "get_account_settings", "AccessDeniedException", "You may not."
    )
    account.stubs["cloudfront"].add_client_error("list_distributions", "AccessDenied")
    found = account.compare(web=True)
    states = {name.partition(" ")[0]: check.state for name, check in found.items()}
    assert states == {"Concurrency": "unknown", "Memory": "ok", "CloudFront": "unknown"}
    assert "You may not." in found["Concurrency for prod"].found
    assert "credentials that you deploy with" in found["Concurrency for prod"].mend
