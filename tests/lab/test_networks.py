"""The table of networks to choose from."""

from typing import get_args, get_type_hints

import pytest

from lab.networks import NETWORKS, choice
from training.networks import build_network, parameter_count
from training.run_commands import train


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
