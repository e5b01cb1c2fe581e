"""The CDK app: one stage for each environment, `dev`, `staging`, `prod` and `local`.

`cdk synth` builds all of them, with `-c env=dev` only that one, and with `-c env=pr12` a copy of
`dev` for a pull request. `-c model=NAME@VERSION` serves another model than the settings name; a
PyTorch model also needs `-c engine=torch`, and `-c torch_index=ADDRESS` where pip finds no CPU
build. `-c api=http` deploys an HTTP API instead of a REST API.
"""

import dataclasses
import os
import re
import sys
from pathlib import Path

import aws_cdk as cdk

from stacks.assets import make_readable
from stacks.policies import add_policies
from stacks.settings import Settings, SettingsError
from stacks.stage import WarmlensStage

LOCAL_MODEL = "imagenet-efficientnet-lite0@1.1.0"
"""The model that `make run` serves; docs/decisions/0124-several-models.md has the reasons."""


def stages() -> tuple[Settings, ...]:
    """Return the settings of each stage; all others have the defaults of `Settings`."""
    local_name, _, local_version = LOCAL_MODEL.partition("@")
    return (
        # Works in a new AWS account, costs cents while nobody uses it, keeps no data. No reserved
        # concurrency: a new account, whose limit is 10, allows none. The quota bounds the cost.
        Settings(
            env_name="dev",
            other_models=("*",),
            daily_quota=1_000,
            budget_usd=75,
            warming="off",
            deployment="all_at_once",
            waf=False,
            log_retention_days=7,
            image_expiry_days=7,
            retain_data=False,
            empty_buckets=True,
        ),
        Settings(
            env_name="staging",
            warm_instances=2,
            daily_quota=5_000,
            reserved_concurrency=10,
            image_expiry_days=7,
            budget_usd=500,
        ),
        Settings(
            env_name="prod",
            warm_instances=5,
            reserved_concurrency=100,
            budget_usd=30_000,
            throttle_rate_rps=100,
            throttle_burst=200,
            log_retention_days=90,
        ),
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
    if re.fullmatch(r"pr\d{1,9}", env_name):
        # Without CloudFront, which takes minutes to deploy and more to delete.
        return dataclasses.replace(known["dev"], env_name=env_name, web=False)
    if env_name not in known:
        raise SettingsError(
            f"env = {env_name!r}; allowed are {', '.join(known)}, and pr1, pr2, ... for pull "
            "requests"
        )
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
