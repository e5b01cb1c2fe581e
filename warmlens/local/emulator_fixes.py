"""Fixes of a deployment where the emulator differs from AWS (docs/local-cloud.md)."""

from typing import Any

from warmlens.local.assembly import Stack
from warmlens.local.aws import LocalAws


def add_request_validators(stacks: list[Stack], api_id: str, aws: LocalAws) -> None:
    """Give each call of the API the request validator that its template asks for.

    The emulator ignores validators that come by CloudFormation, but not those that come by the
    API Gateway API. It validates bodies of every type, AWS only those of a type that has a model:
    so the types of photos get a model that does not exist, with which it validates nothing.

    Args:
        stacks: the deployed stacks.
        api_id: the deployed API.
        aws: clients of the emulator.
    """
    wanted = _validated_calls(stacks)
    if not wanted:
        return
    validator_id = aws.apigateway.create_request_validator(
        restApiId=api_id, name="body", validateRequestBody=True
    )["id"]
    types = aws.apigateway.get_rest_api(restApiId=api_id).get("binaryMediaTypes", [])
    for resource in aws.apigateway.get_resources(restApiId=api_id, limit=500)["items"]:
        if resource.get("pathPart") in wanted:
            method = aws.apigateway.get_method(
                restApiId=api_id, resourceId=resource["id"], httpMethod="POST"
            )
            integration = method["methodIntegration"]
            aws.apigateway.put_method(
                restApiId=api_id,
                resourceId=resource["id"],
                httpMethod="POST",
                authorizationType=method["authorizationType"],
                apiKeyRequired=method["apiKeyRequired"],
                requestValidatorId=validator_id,
                requestModels={**dict.fromkeys(types, "Unchecked"), **method["requestModels"]},
            )
            aws.apigateway.put_integration(
                restApiId=api_id,
                resourceId=resource["id"],
                httpMethod="POST",
                type=integration["type"],
                integrationHttpMethod=integration["httpMethod"],
                uri=integration["uri"],
            )
    stage = aws.apigateway.get_stages(restApiId=api_id)["item"][0]["stageName"]
    aws.apigateway.create_deployment(restApiId=api_id, stageName=stage)


def stage_url(outputs: dict[str, str], aws: LocalAws) -> str:
    """Return the address of the deployed API's stage, of which AWS makes a host of its own.

    Args:
        outputs: outputs of the deployed stacks.
        aws: clients of the emulator.
    """
    api_id = outputs["ApiId"]
    if outputs["ApiKind"] == "http":
        return f"{aws.endpoint_url}/_aws/execute-api/{api_id}/v1"
    return f"{aws.endpoint_url}/restapis/{api_id}/v1/_user_request_"


def _validated_calls(stacks: list[Stack]) -> set[str]:
    resources: dict[str, Any] = {
        logical_id: resource
        for stack in stacks
        for logical_id, resource in stack.template["Resources"].items()
    }
    return {
        resources[resource["Properties"]["ResourceId"]["Ref"]]["Properties"]["PathPart"]
        for resource in resources.values()
        if resource["Type"] == "AWS::ApiGateway::Method"
        and "RequestValidatorId" in resource["Properties"]
    }
