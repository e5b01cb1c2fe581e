"""Changes of settings, and what CloudFormation and AWS would say to each as an update in place."""

import dataclasses
import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import aws_cdk as cdk
from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from stacks.settings import Settings, SettingsError
from stacks.stage import WarmlensStage
from tests.infrastructure.variants import CERTIFICATE, CONTEXT, ODD
from warmlens.local.assembly import read_stacks

# Another value of these is another environment.
PLACE = {"env_name", "account", "region"}
# What is changed together, since neither can be alone.
TOGETHER: tuple[dict[str, Any], ...] = (
    {"web_domain": "photos.a.example", "web_certificate_arn": CERTIFICATE},
    {"auth": "iam", "web": False},
    {"api": "http", "auth": "none", "waf": False},
    {
        "api": "http",
        "auth": "jwt",
        "jwt_issuer": "https://login.a.example/",
        "jwt_audience": ("an-app",),
        "waf": False,
        "web": False,
    },
    {"engine": "torch", "memory_mb": 3538, "torch_index": "https://wheels.a.example/cpu"},
    {"retain_data": False, "empty_buckets": True},
    {"warm_instances": "auto", "warm_instances_max": 5},
)
# Their names need to be unique only within the function or API that they belong to.
WITHIN_ANOTHER = {
    "AWS::ApiGateway::Model",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Lambda::Alias",
}
Template = dict[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """The templates of an environment by the stack's name, in the order of deploys."""

    templates: dict[str, Template]
    retains_data: bool


def changes(settings: Settings) -> Iterator[tuple[dict[str, Any], Settings]]:
    """Each change of one setting that the others allow, and those that go together."""
    for field in dataclasses.fields(Settings):
        if field.name not in PLACE:
            for value in _others(settings, field.name):
                yield from _changed(settings, {field.name: value})
    for values in TOGETHER:
        yield from _changed(settings, values)


def synthesize(folder: Path, settings: Settings) -> Synthesized:
    app = cdk.App(outdir=str(folder), context=CONTEXT)
    WarmlensStage(app, settings=settings)
    app.synth()
    stacks = read_stacks(folder / f"assembly-{settings.env_name}")
    return Synthesized({stack.name: stack.template for stack in stacks}, settings.retain_data)


def refusals(before: Synthesized, after: Synthesized) -> list[str]:
    """Faults of an update of the stacks of `before`, one by one, to those of `after`."""
    return [
        *_exports_in_use(before, after),
        *_unresolved(after),
        *_deleted_in_use(before, after),
        *_replaced_names(before, after),
        *_moved_names(before, after),
        *_stale(before, after),
    ]


def references(template: Template, function: str) -> Iterator[Any]:
    """The arguments of an intrinsic function, wherever it is used in a template."""
    yield from (argument for _, argument in located(template, function))


def located(node: Any, function: str, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The places of an intrinsic function, as paths, and its arguments."""
    if isinstance(node, dict):
        if function in node:
            yield path, node[function]
        for key, value in node.items():
            yield from located(value, function, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from located(value, function, path)


def create_only(kind: str) -> list[tuple[str, ...]]:
    """The paths of a type's properties that no update can change: another resource is made."""
    return _paths(kind, "createOnlyProperties")


def named(resource: dict[str, Any]) -> str | None:
    """The name that a template gives a resource."""
    kind = resource["Type"]
    for path in (*create_only(kind), *_paths(kind, "primaryIdentifier")):
        value = text(_value(resource.get("Properties", {}), path))
        # A service's name is AWS's: com.amazonaws.REGION.s3.
        if path[-1].endswith("Name") and path[-1] != "ServiceName" and value is not None:
            return value
    return None


def text(value: Any) -> str | None:
    """A value that refers to nothing but AWS's own parameters, such as the region, as text."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    if str(value.get("Ref", "")).startswith("AWS::"):
        return str(value["Ref"])
    separator, parts = value.get("Fn::Join", ("", [None]))
    texts = [part for part in map(text, parts) if part is not None]
    return str(separator).join(texts) if len(texts) == len(parts) else None


def _others(settings: Settings, name: str) -> list[Any]:
    current = getattr(settings, name)
    if isinstance(current, bool):
        return [not current]
    hint = typing.get_type_hints(Settings)[name]
    choices = [each for each in get_args(hint) if isinstance(each, str)]
    others = choices or [getattr(ODD, name), Settings.__dataclass_fields__[name].default]
    return [each for each in others if each != current]


def _changed(
    settings: Settings, values: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], Settings]]:
    try:
        changed = dataclasses.replace(settings, **values)
        if changed != settings:
            yield values, changed
    except SettingsError:
        return


def _exports_in_use(before: Synthesized, after: Synthesized) -> Iterator[str]:
    """CloudFormation refuses to remove an export while a deployed stack imports it."""
    imported = [
        (consumer, json.dumps(name))
        for consumer, template in before.templates.items()
        for name in references(template, "Fn::ImportValue")
    ]
    for producer, template in before.templates.items():
        kept = _exports(after.templates.get(producer, template))
        for name in _exports(template) - kept:
            for consumer, wanted in imported:
                if wanted == name:
                    yield f"{producer} would lose the export {name}, which {consumer} imports"


def _exports(template: Template) -> set[str]:
    outputs = template.get("Outputs", {}).values()
    return {json.dumps(each["Export"]["Name"]) for each in outputs if "Export" in each}


def _unresolved(after: Synthesized) -> Iterator[str]:
    """A stack can read an output only of a stack that is deployed before it."""
    deployed: dict[str, Template] = {}
    for consumer, template in after.templates.items():
        for reference in references(template, "Fn::GetStackOutput"):
            producer, output = reference["StackName"], reference["OutputName"]
            if output not in deployed.get(producer, {}).get("Outputs", {}):
                yield f"{consumer} reads {output} of {producer}, which is not there yet"
        deployed[consumer] = template


def _deleted_in_use(before: Synthesized, after: Synthesized) -> Iterator[str]:
    """A producer is updated first: what it deletes is still used by its consumers until theirs."""
    for consumer, producer, logical_id in _used(before):
        was = before.templates[producer]["Resources"][logical_id]
        still = after.templates.get(producer, before.templates[producer])["Resources"]
        if logical_id in still or was.get("DeletionPolicy", "").startswith("Retain"):
            continue
        if was["Type"] == "AWS::S3::Bucket" and not before.retains_data:
            continue  # docs/decisions/0081
        kind = was["Type"].rpartition("::")[0]
        kinds = {each["Type"].rpartition("::")[0] for each in still.values()}
        if kind.startswith("AWS::ApiGateway") and kind not in kinds:
            continue  # the other kind of API takes its place: docs/decisions/0111
        yield f"{producer} deletes {logical_id}, which {consumer} still uses"


def _used(synthesized: Synthesized) -> Iterator[tuple[str, str, str]]:
    """The resources that stacks use of others: consumer, producer, logical id."""
    for consumer, template in synthesized.templates.items():
        for reference in references(template, "Fn::GetStackOutput"):
            producer = reference["StackName"]
            output = synthesized.templates[producer]["Outputs"][reference["OutputName"]]
            names = [*references(output, "Ref")]
            names += [argument[0] for argument in references(output, "Fn::GetAtt")]
            for name in names:
                if name in synthesized.templates[producer]["Resources"]:
                    yield consumer, producer, name


def _replaced_names(before: Synthesized, after: Synthesized) -> Iterator[str]:
    """CloudFormation cannot replace a resource that has a name of its own."""
    for stack, logical_id, was, now in _both(before, after):
        if named(was) and _replaced(was, now):
            yield f"{stack} would replace {logical_id}, whose name {named(was)} is taken by itself"


def _moved_names(before: Synthesized, after: Synthesized) -> Iterator[str]:
    """A name is free only after the update, or never where its stack stays in the account."""
    owners = _owners(before)
    for key, owner in _owners(after).items():
        if owners.get(key, owner) != owner:
            yield f"{key} is made by {owner} while {owners[key]} still has it"


def _owners(synthesized: Synthesized) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (resource["Type"], name): (stack, logical_id)
        for stack, template in synthesized.templates.items()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] not in WITHIN_ANOTHER and (name := named(resource))
    }


def _stale(before: Synthesized, after: Synthesized) -> Iterator[str]:
    """The CDK passes over a stack with the same template, even if what it reads has changed."""
    replaced = {
        (stack, logical_id)
        for stack, logical_id, was, now in _both(before, after)
        if _replaced(was, now)
    }
    for consumer, producer, logical_id in _used(after):
        same = before.templates.get(consumer) == after.templates[consumer]
        if same and (producer, logical_id) in replaced:
            yield f"{consumer} would go on with the {logical_id} that {producer} has replaced"


def _both(
    before: Synthesized, after: Synthesized
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for stack in before.templates.keys() & after.templates.keys():
        olds, news = (each.templates[stack]["Resources"] for each in (before, after))
        for logical_id in olds.keys() & news.keys():
            yield stack, logical_id, olds[logical_id], news[logical_id]


def _replaced(was: dict[str, Any], now: dict[str, Any]) -> bool:
    return any(
        _value(was.get("Properties", {}), path) != _value(now.get("Properties", {}), path)
        for path in create_only(was["Type"])
    )


def _paths(kind: str, key: str) -> list[tuple[str, ...]]:
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    except ResourceNotFoundError:  # a custom resource
        return []
    return [tuple(path.split("/")[2:]) for path in schema.get(key, ())]


def _value(node: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node
