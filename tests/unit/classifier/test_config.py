"""Reading the classifier's environment variables."""

import pytest

from lambda_src.classifier.config import ClassifierConfig

VARIABLES = {
    "IMAGES_BUCKET": "images",
    "IMAGE_PREFIXES": "uploads/,test/",
    "MODELS_BUCKET": "models",
    "MODEL_NAME": "a-model",
    "MODEL_VERSION": "1.0.0",
    "MAX_IMAGE_BYTES": "1000",
    "MAX_IMAGE_PIXELS": "2000",
    "MAX_DECODE_MS": "4000",
    "MAX_HOLD_MS": "3000",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
}


@pytest.mark.parametrize(
    ("memory_mb", "threads"), [(128, 1), (1769, 1), (3537, 1), (3538, 2), (10_240, 5)]
)
def test_there_is_one_thread_for_each_processor_that_the_memory_brings(
    memory_mb: int, threads: int
) -> None:
    variables = {**VARIABLES, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb)}
    assert ClassifierConfig.from_environment(variables).threads == threads


@pytest.mark.parametrize("name", sorted(VARIABLES.keys() - {"MODELS_BUCKET"}))
def test_a_variable_that_is_missing_is_named(name: str) -> None:
    variables = {key: value for key, value in VARIABLES.items() if key != name}
    with pytest.raises(KeyError, match=name):
        ClassifierConfig.from_environment(variables)


@pytest.mark.parametrize("given", [{}, {"MODELS_BUCKET": "models", "MODELS_FOLDER": "/models"}])
def test_models_are_in_a_bucket_or_in_a_folder(given: dict[str, str]) -> None:
    variables = {key: value for key, value in VARIABLES.items() if key != "MODELS_BUCKET"}
    with pytest.raises(ValueError, match="exactly one of MODELS_BUCKET and MODELS_FOLDER"):
        ClassifierConfig.from_environment({**variables, **given})


@pytest.mark.parametrize(
    ("folder", "in_image"),
    [
        ("/var/task/models", True),
        ("/var/task", True),
        ("/var/tasks", False),
        ("/mnt/models", False),
    ],
)
def test_a_folder_below_the_functions_own_is_part_of_its_image(folder: str, in_image: bool) -> None:
    variables = {**VARIABLES, "MODELS_BUCKET": "", "MODELS_FOLDER": folder}
    assert not ClassifierConfig.from_environment(variables).models_in_image
    variables["LAMBDA_TASK_ROOT"] = "/var/task"
    assert ClassifierConfig.from_environment(variables).models_in_image is in_image
