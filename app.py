"""The CDK app: one stage for each environment of environments.py, and `local` for `make run`.

`cdk synth` builds all of them, with `-c env=dev` only that one, and with `-c env=pr12` a copy of
`dev` for a pull request. `-c model=NAME@VERSION` serves another model than the settings name; a
PyTorch model also needs `-c engine=torch`, and `-c torch_index=ADDRESS` where pip finds no CPU
build. `-c api=http` deploys an HTTP API instead of a REST API.
"""

import os

# Before jsii starts with the CDK: it would print eleven lines about Node 20 before every message.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

import dataclasses
import re
import sys
import traceback
from collections import Counter
from pathlib import Path

import aws_cdk as cdk

from stacks.assets import make_readable
from stacks.policies import add_policies
from stacks.settings import Settings, SettingsError
from stacks.stage import WarmlensStage

LOCAL_MODEL = "imagenet-efficientnet-lite0@1.1.0"
"""The model that `make run` serves; docs/decisions/0124-several-models.md has the reasons."""

PULL_REQUEST = re.compile(r"pr\d{1,9}")


def stages() -> tuple[Settings, ...]:
    """Return the settings of each stage: the environments of environments.py, and `local`.

    Raises:
        SettingsError: environments.py is not there, or something in it is wrong.
    """
    local_name, _, local_version = LOCAL_MODEL.partition("@")
    return (
        *_environments(),
        # Deployed into the local cloud by `make run`: only what its emulator supports, open to all.
        Settings(
            env_name="local",
            model_name=local_name,
            model_version=local_version,
            other_models=("*",),
            warm_instances=2,
            warm_after_deploy=False,
            deployment="all_at_once",
            auth="none",
            waf=False,
            access_logs=False,
            tracing=False,
            web=False,
            monitoring=False,
            throttle_rate_rps=100,
            throttle_burst=200,
            throttle_wakeup_rps=200,
            throttle_uploads_rps=100,
            upload_origins=("http://127.0.0.1:*", "http://localhost:*"),
            retain_data=False,
        ),
    )


def settings_of(env_name: str) -> Settings:
    """Return the settings of an environment; `pr12` and the like are copies of `dev`, without page.

    Args:
        env_name: name of the environment.

    Raises:
        SettingsError: there is no such environment.
    """
    known = {settings.env_name: settings for settings in stages()}
    if PULL_REQUEST.fullmatch(env_name) and "dev" in known:
        # Without CloudFront, which takes minutes to deploy and more to delete.
        return dataclasses.replace(known["dev"], env_name=env_name, web=False)
    if env_name not in known:
        copies = ", and pr1, pr2, ... for pull requests" if "dev" in known else ""
        raise SettingsError(f"env = {env_name!r}; allowed are {', '.join(known)}{copies}")
    return known[env_name]


def build(app: cdk.App) -> None:
    """Add the stages selected by the context to the app.

    The context's `env` selects one environment; its `model`, `engine`, `torch_index` and `api`
    replace the settings of the same meaning.

    Args:
        app: the CDK app, whose context is read.

    Raises:
        SettingsError: a setting is wrong, there is no such environment, or it would be deployed
            into a region of another partition than AWS's standard one.
    """
    context = app.node.try_get_context
    env = context("env")
    selected = stages() if env is None else (settings_of(str(env)),)
    model_name, model_version = _name_and_version(context("model"))
    changes = {
        "model_name": model_name,
        "model_version": model_version,
        "engine": context("engine"),
        "torch_index": context("torch_index"),
        "api": context("api"),
    }
    given = {name: value for name, value in changes.items() if value is not None}
    for settings in selected:
        # The CDK command puts the region of the credentials there.
        settings = dataclasses.replace(settings, **given)
        region = settings.region or os.environ.get("CDK_DEFAULT_REGION", "")
        settings.check_partition(region)
        settings.check_budget(region)
        WarmlensStage(app, settings=settings)
    add_policies(app)


def _environments() -> tuple[Settings, ...]:
    """Return the environments of environments.py, which is the user's own file."""
    try:
        from environments import ENVIRONMENTS
    except SettingsError:
        raise
    except ModuleNotFoundError as error:
        message = f"environments.py: {error}"
        if error.name == "environments":
            shipped = "tests/environments_as_shipped.py"
            message += f"; to begin with the shipped one: cp {shipped} environments.py"
        raise SettingsError(message) from None
    except Exception as error:  # whatever a person may write there
        lines = [
            each.lineno
            for each in traceback.extract_tb(error.__traceback__)
            if Path(each.filename).name == "environments.py"
        ]
        where = f" line {lines[-1]}," if lines else ""
        message = " ".join(str(error).split())
        raise SettingsError(f"environments.py:{where} {type(error).__name__}: {message}") from None
    if not isinstance(ENVIRONMENTS, tuple) or not all(
        isinstance(each, Settings) for each in ENVIRONMENTS
    ):
        raise SettingsError(
            "environments.py: ENVIRONMENTS is not a tuple of Settings; with one environment it "
            "ends with a comma: (Settings(...),)"
        )
    for name, count in Counter(each.env_name for each in ENVIRONMENTS).items():
        if count > 1:
            many = "two" if count == 2 else count
            raise SettingsError(
                f"environments.py: {many} environments are named {name}; give each a name of its "
                "own (env_name)"
            )
        if name == "local" or PULL_REQUEST.fullmatch(name):
            raise SettingsError(
                f"environments.py: env_name = {name!r}; allowed is any other name than local (of "
                "make run) and pr1, pr2, ... (of pull requests)"
            )
    return ENVIRONMENTS


def _name_and_version(model: str | None) -> tuple[str | None, str | None]:
    if model is None:
        return None, None
    name, separator, version = str(model).partition("@")
    if not separator:
        raise SettingsError(f"model = {model!r}; allowed is NAME@VERSION")
    return name, version


if __name__ == "__main__":
    try:
        app = cdk.App()
        build(app)
    except SettingsError as error:
        sys.exit(f"warmlens: {error}")
    make_readable(Path(app.synth().directory))
