"""The kernel, compiled and interpreted, agrees with the oracle to the last bit."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.oracle import random as oracle_random
from lab.oracle.arrivals import arrivals
from tests.unit.planner.scenarios import by_kernel, by_oracle, fields_of, profiles, scenarios
from warmlens.errors import WarmlensError
from warmlens.planner import numba_kernel, rng
from warmlens.planner.distribution import Distribution, constant, exponential
from warmlens.planner.rng import LIFETIMES
from warmlens.planner.scenario import Scenario
from warmlens.planner.simulate import Backend
from warmlens.planner.traffic import Bursts, Profile, constant_rate
from warmlens.planner.traffic_files import read_trace

BACKENDS = (Backend.NUMBA, Backend.PYTHON)


@settings(max_examples=200, deadline=None)
@given(scenarios(), profiles(), st.integers(0, 2**40), st.sampled_from([900.0, 7200.0, 100_000.0]))
def test_both_backends_count_what_the_oracle_counts(
    scenario: Scenario, traffic: Profile, seed: int, horizon_s: float
) -> None:
    while traffic.expected(horizon_s) > 1_000:
        horizon_s /= 2
    expected = fields_of(by_oracle(scenario, traffic, horizon_s=horizon_s, seed=seed))
    for backend in BACKENDS:
        ours = by_kernel(scenario, traffic, horizon_s=horizon_s, seed=seed, backend=backend)
        assert fields_of(ours) == expected


def test_they_agree_over_several_chunks_of_arrivals() -> None:
    scenario = Scenario(init=exponential(1.5), service=exponential(0.1), concurrency=12)
    traffic = constant_rate(40, Bursts(size=9, per_hour=30))
    assert traffic.expected(3600) > 2 * numba_kernel.KERNEL.chunk
    expected = by_oracle(scenario, traffic, horizon_s=3600)
    assert expected.throttled > 0
    for backend in BACKENDS:
        ours = by_kernel(scenario, traffic, horizon_s=3600, backend=backend)
        assert fields_of(ours) == fields_of(expected)


def test_the_generator_is_splitmix64() -> None:
    """The first numbers of its authors' C code for the seed 0."""
    states = [0]
    draws = [rng.uniform(states, 0) for _ in range(3)]
    published = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
    assert draws == [(number >> 11) / 2**53 for number in published]


def test_draws_are_those_of_the_oracle() -> None:
    table = Distribution("table", (0.0, 1.0, 3.0), (0.0, 0.9, 1.0))
    for distribution in (constant(2.0), exponential(2.0), table):
        random, states = oracle_random.Random(7, LIFETIMES), rng.seed_states(7, LIFETIMES)
        values, quantiles = list(distribution.values_s), list(distribution.quantiles)
        for _ in range(1000):
            ours = rng.draw(distribution.code, values, quantiles, states, 0)
            assert oracle_random.draw(distribution, random) == ours


@settings(deadline=None)
@given(profiles(), st.integers(0, 2**40))
def test_arrivals_are_those_of_the_oracle(traffic: Profile, seed: int) -> None:
    assert list(traffic.arrivals(seed, 7200.0)) == list(arrivals(traffic, seed, 7200.0))


def test_both_backends_and_the_oracle_agree_on_a_trace(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    moments = list(itertools.islice(constant_rate(0.5).arrivals(3, 1e6), 2000))
    file.write_text("arrival_s\n" + "".join(f"{moment!r}\n" for moment in moments))
    scenario = Scenario(init=constant(2.0), service=exponential(1.0), concurrency=3)
    trace = read_trace(file)
    assert trace.count == 2000
    expected = fields_of(by_oracle(scenario, trace, horizon_s=4000.0))
    for backend in BACKENDS:
        ours = by_kernel(scenario, trace, horizon_s=4000.0, backend=backend)
        assert fields_of(ours) == expected


def test_a_trace_out_of_order_is_an_error_of_kernel_and_oracle(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("arrival_s\n1\n3\n2\n")
    scenario = Scenario(init=constant(2.0), service=exponential(1.0))
    with pytest.raises(WarmlensError, match="2 s comes after 3 s") as error:
        read_trace(file)
    assert error.value.code == "unordered_trace"

    class Backwards:
        description = ""

        def arrivals(self, seed: int, horizon_s: float) -> "itertools.chain[float]":
            return itertools.chain((1.0, 3.0, 2.0))

        def expected(self, horizon_s: float) -> float:
            return 3.0

    for simulate in (by_kernel, by_oracle):
        with pytest.raises(WarmlensError, match="2 s comes after one at 3 s"):
            simulate(scenario, Backwards(), horizon_s=10.0)


def test_whole_numbers_do_not_compile_the_kernel_again() -> None:
    scenario = Scenario(init=constant(1), service=constant(1))
    for horizon_s in (3600, 3600.0):
        by_kernel(scenario, constant_rate(1), horizon_s=horizon_s)
    serve: Any = numba_kernel.KERNEL.serve
    assert len(serve.signatures) == 1


def test_the_command_line_imports_no_heavy_package() -> None:
    heavy = ("numba", "numpy", "PIL", "torch", "onnxruntime")
    program = f"import sys, warmlens.cli; print(set({heavy!r}) & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
