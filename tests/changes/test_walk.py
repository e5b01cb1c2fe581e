"""The emulator takes one change of settings after the other as updates in place, then nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import settings_of
from tests.integration.cdk_harness import (
    APP,
    POSSIBLE,
    cdk,
    check_nothing_is_left,
    classify_with_the_key,
    delete_stacks,
    empty_all,
    empty_emulator,
    stacks,
)
from warmlens.deployment import find_deployment
from warmlens.local.aws import LocalAws
from warmlens.paths import ROOT

# Not by change sets: the emulator takes one that only adds outputs for an empty one.
DEPLOY = "deploy dev/* --require-approval never --method direct"
BASE = {"storage", "inference", "api", "observability"}
# Each change, and the stacks that it adds; one that leaves the app stays in the account.
# The dashboard goes before warming comes: the emulator takes no alarm on a formula, as users'
# throttled calls have beside a warmer.
WALK: list[tuple[dict[str, object], set[str]]] = [
    ({}, BASE),
    ({"access_logs": False, "wake_ahead": False}, set()),
    ({"model_store": "efs"}, {"files"}),
    ({"model_store": "s3", "wake_ahead": True}, set()),
    ({"model_store": "image"}, set()),
    ({"model_store": "efs"}, set()),
    ({"model_store": "image"}, set()),
    ({"model_store": "s3"}, set()),
    ({"monitoring": False}, set()),
    ({"warming": "ping", "warm_after_deploy": False}, {"warming"}),
    ({"warming": "off"}, set()),
    ({"warming": "ping"}, set()),
    ({"model_store": "efs"}, set()),
    ({"auth": "iam", "daily_quota": None}, set()),
    ({"auth": "none"}, set()),
    ({"auth": "api_key", "daily_quota": 1_000}, set()),
    ({"model_store": "s3"}, set()),
    ({"access_logs": True}, set()),
    ({"warming": "off"}, set()),
]


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[LocalAws]:
    """An emulator with nothing in it, and the pool behind its classifier."""
    async with empty_emulator(tmp_path, ["dev"]) as aws:
        yield aws


@pytest.mark.timeout(1800)
async def test_changes_are_updates_in_place_and_nothing_is_left_of_them(
    aws: LocalAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "app.py").write_text(APP.format(root=str(ROOT), changes=POSSIBLE, name="dev"))
    for key, value in aws.environment.items():
        monkeypatch.setenv(key, value)
    await cdk("bootstrap aws://000000000000/us-east-1", aws, tmp_path)
    settings: dict[str, object] = {}
    there: set[str] = set()
    for change, added in WALK:
        settings |= change
        there |= added
        if settings.get("model_store") == "image":  # the bucket goes, with what is in it
            await asyncio.to_thread(empty_all, aws)
        await cdk(DEPLOY, aws, tmp_path, CHANGES=json.dumps(settings))
        assert stacks(aws, "dev") == there, change

    environment = await asyncio.to_thread(find_deployment, "dev", local_state=tmp_path / "none")
    auth = environment.api_auth()
    await asyncio.to_thread(classify_with_the_key, aws, environment.outputs, auth)
    assert settings["auth"] == settings_of("dev").auth
    await asyncio.to_thread(empty_all, aws)
    await cdk("destroy dev/* --force", aws, tmp_path)
    assert stacks(aws, "dev") == {"warming", "observability", "files"}
    await asyncio.to_thread(delete_stacks, aws, "dev")
    await asyncio.to_thread(check_nothing_is_left, aws, "dev")
