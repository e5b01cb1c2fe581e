"""Initial contents of the local cloud's buckets: the models and sample photos."""

import json
from pathlib import Path

from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.paths import MODEL_ARTIFACTS, WEB
from warmlens.registry.catalog import list_models
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.publish import publish_model
from warmlens.registry.serving import ALIAS, function_errors

PAPER_PATH = "test/20200118.jpg"  # in the paper's own request
SAMPLES = WEB / "samples"
GALLERIES = SAMPLES / "galleries.json"
ANY_PHOTO = "coffee.jpg"  # for a model without a gallery


def first_sample_of(model_name: str) -> Path:
    """Return the first photo of a model's gallery, or any photo if it has none."""
    gallery = json.loads(GALLERIES.read_text(encoding="utf-8")).get(model_name, [])
    return SAMPLES / (gallery[0]["file"] if gallery else ANY_PHOTO)


def served_model(outputs: dict[str, str], aws: LocalAws) -> tuple[str, str]:
    """Return name and version of the model that the alias serves."""
    variables = _variables(outputs, aws)
    return variables["MODEL_NAME"], variables["MODEL_VERSION"]


def publish_others(outputs: dict[str, str], aws: LocalAws, models: Path) -> list[str]:
    """Publish the newest version of each other model in a folder, so that it can be served.

    Models that the local cloud's engine does not run are left out. One that is invalid is reported,
    and stops nothing.

    Args:
        outputs: outputs of the deployed stacks.
        aws: where they are deployed.
        models: folder of the models.

    Returns:
        The published versions, such as `mine 1.0.0`.

    Raises:
        WarmlensError: `function_refused`: the emulator does not answer.
    """
    with function_errors(outputs["ClassifierFunction"]):
        variables = _variables(outputs, aws)
    catalog = list_models(models)
    newest = {each.name: each for each in catalog.versions}
    newest.pop(variables["MODEL_NAME"], None)
    published = []
    for each in newest.values():
        try:
            if read_manifest(each.folder).engine == variables["ENGINE"]:
                publish_model(each.folder, outputs["ModelsBucket"], aws.s3)
                published.append(f"{each.name} {each.version}")
        except WarmlensError as error:
            err.print(f"{each.name} {each.version} cannot be published: {error.message}")
    for fault in catalog.faults:
        err.print(f"{fault.file} cannot be published: {fault.message}")
    return published


def _variables(outputs: dict[str, str], aws: LocalAws) -> dict[str, str]:
    """Return the environment variables of the function version that the alias serves."""
    configuration = aws.lambda_.get_function_configuration(
        FunctionName=outputs["ClassifierFunction"], Qualifier=ALIAS
    )
    return configuration["Environment"]["Variables"]


def fill_buckets(outputs: dict[str, str], aws: LocalAws, models: Path = MODEL_ARTIFACTS) -> Path:
    """Publish the model that the classifier is configured for, and upload the sample photos.

    Args:
        outputs: outputs of the deployed stacks.
        aws: where they are deployed.
        models: folder that contains the model's version.

    Returns:
        The sample that is stored under the path of the paper's own request.

    Raises:
        WarmlensError: the model is invalid, or the bucket refused it.
    """
    name, version = served_model(outputs, aws)
    if "ModelsBucket" in outputs:
        publish_model(models / name / version, outputs["ModelsBucket"], aws.s3)
    first = first_sample_of(name)
    for sample in sorted(SAMPLES.glob("*.jpg")):
        keys = [f"test/{sample.name}"] + [PAPER_PATH] * (sample == first)
        for key in keys:
            aws.s3.put_object(
                Bucket=outputs["ImagesBucket"],
                Key=key,
                Body=sample.read_bytes(),
                ContentType="image/jpeg",
            )
    return first
