"""The CDK app: the environments, and one stage for each.

`cdk synth` builds them all; with `-c env=dev` only that one, and with `-c env=pr12` one like `dev`
for a pull request. `-c model=NAME@VERSION` serves another model than the settings name; one that is
for PyTorch also needs `-c engine=torch`, and `-c torch_index=ADDRESS` where pip finds no CPU build.
"""

import dataclasses
import re
import sys

import aws_cdk as cdk

from stacks.policies import add_policies
from stacks.settings import Settings, SettingsError
from stacks.stage import WarmlensStage


def environments() -> tuple[Settings, ...]:
    """Return the environments; settings not named here have the defaults of `Settings`."""
    return (
        # Runs in a new AWS account as it is, costs cents at rest, keeps no data.
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


def settings_of(env_name: str) -> Settings:
    """Return the settings of an environment; `pr` and a number name one that is like `dev`.

    Raises:
        SettingsError: there is no such environment.
    """
    known = {settings.env_name: settings for settings in environments()}
    if re.fullmatch(r"pr\d{1,9}", env_name):
        return dataclasses.replace(known["dev"], env_name=env_name)
    if env_name not in known:
        raise SettingsError(
            f"env = {env_name!r}; allowed are {', '.join(known)}, and pr1, pr2, ... for one of "
            "a pull request"
        )
    return known[env_name]


def build(app: cdk.App) -> None:
    """Add the stages of the environments that the context `env` asks for.

    With its `model`, `engine` and `torch_index` in place of the settings'.

    Raises:
        SettingsError: a setting is wrong, or there is no such environment.
    """
    wanted = app.node.try_get_context("env")
    chosen = environments() if wanted is None else (settings_of(str(wanted)),)
    for settings in chosen:
        settings = _with_model(settings, app.node.try_get_context("model"))
        asked = {name: app.node.try_get_context(name) for name in ("engine", "torch_index")}
        given = {name: value for name, value in asked.items() if value is not None}
        WarmlensStage(app, settings=dataclasses.replace(settings, **given))
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
