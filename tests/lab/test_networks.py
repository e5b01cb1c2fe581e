"""The table of networks to choose from."""

from typing import get_args, get_type_hints

import pytest

from lab.networks import NETWORKS, choice
from training.config import DEFAULTS
from training.networks import build_network, parameter_count
from training.run_commands import train
from warmlens.paths import ROOT


def test_the_table_has_each_network_that_train_offers_and_what_is_shipped() -> None:
    offered = get_args(get_type_hints(train)["architecture"])
    assert sorted(NETWORKS) == sorted(offered)
    lines = choice().splitlines()[2:]
    assert len(lines) == len(NETWORKS)
    for name, line in zip(NETWORKS, lines, strict=True):
        assert line.startswith(f"| `{name}` |")
    shipped = "`groceries-lite2`, int8, 260 px, 5.2 MB: 88.1 % of its test photos right"
    assert shipped in lines[3]
    assert "14 epochs at 160 px" in lines[1]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_weights_in_the_table_are_those_of_the_network(name: str) -> None:
    weights = parameter_count(build_network(name, 10))
    assert round(weights / 1e6, 1) == NETWORKS[name].weights_m


def test_the_help_and_the_page_name_the_defaults_of_training() -> None:
    shown = (ROOT / "docs" / "commands.md").read_text()
    of = {mode: config["stages"][0] for mode, config in DEFAULTS.items()}
    lite, resnet, small = of["efficientnet-lite0-full"], of["resnet50-full"], of["small-cnn"]
    heads = of["efficientnet-lite0-head"], of["resnet50-head"]
    assert heads[0].epochs == heads[1].epochs
    assert (
        f"Default: {lite.epochs}; resnet50 {resnet.epochs}; small-cnn {small.epochs}; with "
        f"--only-head {heads[0].epochs}."
    ) in shown
    assert (
        f"Default: {lite.size}; resnet50 {resnet.size}; small-cnn {small.size}; with "
        f"--only-head {heads[0].size}, resnet50 {heads[1].size}."
    ) in shown
    page = " ".join((ROOT / "docs" / "models.md").read_text().split())
    patience = DEFAULTS["efficientnet-lite0-full"]["patience"]
    assert f"{lite.epochs} epochs at {lite.size} pixels, and stops after {patience} epochs" in page
