"""The CDK app: the environments, and one stage for each.

`cdk synth` builds them all; with `-c env=dev` only that one. `-c model=NAME@VERSION` serves another
model than the settings name.
"""

import dataclasses
import sys

import aws_cdk as cdk

from stacks.policies import add_policies
from stacks.settings import Settings, SettingsError
from stacks.stage import WarmlensStage


def environments() -> tuple[Settings, ...]:
    """Return the environments; settings not named here have the defaults of `Settings`."""
    return (
        # Runs in a new AWS account as it is, costs nothing at rest, leaves nothing behind.
        Settings(
            env_name="dev",
            warming="off",
            deployment="all_at_once",
            waf=False,
            log_retention_days=7,
            image_expiry_days=7,
            retain_data=False,
            empty_buckets=True,
        ),
        Settings(env_name="staging", warm_instances=2),
        Settings(
            env_name="prod",
            warm_instances=5,
            reserved_concurrency=100,
            throttle_rate_rps=100,
            throttle_burst=200,
            log_retention_days=90,
        ),
        # Deployed into the local cloud by `make run`: what its emulator can make, open to anyone.
        Settings(
            env_name="local",
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
            upload_origins=("http://127.0.0.1:*", "http://localhost:*"),
            retain_data=False,
        ),
    )


def build(app: cdk.App) -> None:
    """Add the stages of the environments that the context `env` asks for, with its `model`.

    Raises:
        SettingsError: a setting is wrong, or there is no such environment.
    """
    wanted = app.node.try_get_context("env")
    known = environments()
    chosen = [settings for settings in known if wanted in (None, settings.env_name)]
    if not chosen:
        names = ", ".join(settings.env_name for settings in known)
        raise SettingsError(f"env = {wanted!r}; allowed are {names}")
    for settings in chosen:
        WarmlensStage(app, settings=_with_model(settings, app.node.try_get_context("model")))
    add_policies(app)


def _with_model(settings: Settings, model: str | None) -> Settings:
    if model is None:
        return settings
    name, separator, version = str(model).partition("@")
    if not separator:
        raise SettingsError(f"model = {model!r}; allowed is NAME@VERSION")
    return dataclasses.replace(settings, model_name=name, model_version=version)


if __name__ == "__main__":
    try:
        app = cdk.App()
        build(app)
    except SettingsError as error:
        sys.exit(f"warmlens: {error}")
    app.synth()
