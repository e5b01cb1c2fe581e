"""The benchmark of the shipped models with AVX-512 and with AVX2 alone."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.bench.processors.comparison import AVX2, AVX512, METRICS, measure_processors, table
from lab.bench.processors.hiding import UD2, require_avx512, without_cpuid
from lab.bench.processors.instructions import ARM64
from lab.kept_records import RECORDS
from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.records import read_records
from warmlens.registry.manifest_file import read_manifest


@pytest.fixture
def _avx512() -> None:
    try:
        require_avx512()
    except WarmlensError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_avx512")
def test_each_shipped_model_is_timed_with_avx512_and_without_in_turns() -> None:
    records = list(measure_processors(rounds=2, calls=2))
    models = {path.name for path in MODEL_ARTIFACTS.iterdir() if path.is_dir()}
    assert {each.conditions["model"] for each in records} == models
    assert [each.name for each in records] == [AVX512, AVX2] * len(METRICS) * len(models)
    for each in records:
        assert each.samples == len(each.conditions["values"]) == 2
        assert each.value > 0
        assert each.ratio_to == AVX512
    assert table(records).count("\n| ") == 2 + len(records) // 2


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a compiler of C")
def test_only_instructions_are_replaced_and_not_the_same_bytes_in_others(tmp_path: Path) -> None:
    source, library = tmp_path / "asks.c", tmp_path / "asks.so"
    source.write_text(
        "#include <cpuid.h>\n"
        "const unsigned short same_bytes = 0xa20f;\n"
        "unsigned constant(void) { return 0xa20fa20f; }\n"
        "unsigned leaf(void) { unsigned a, b, c, d; __cpuid(0, a, b, c, d); return a; }\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    before, after = library.read_bytes(), without_cpuid(library)
    assert before.count(b"\x0f\xa2") >= 4
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    library.write_bytes(after)
    assert ctypes.CDLL(str(library)).constant() & 0xFFFF_FFFF == 0xA20F_A20F
    assert after.count(UD2) == before.count(UD2) + 1


def test_the_kept_records_are_of_all_shipped_models_with_ten_processes_of_each() -> None:
    records = read_records((RECORDS / "processors.jsonl").read_text())
    assert {each.conditions["model"] for each in records} == {
        path.name for path in MODEL_ARTIFACTS.iterdir() if path.is_dir()
    }
    for each in records:
        assert each.samples is not None
        assert each.samples >= 10
        assert each.ratios is not None
        ratio = each.ratios[AVX512]
        low, high = ratio["interval"]
        assert low <= ratio["value"] <= high


def test_the_kept_counts_are_of_each_shipped_model_and_the_page_says_what_they_say() -> None:
    records = read_records((RECORDS / "instructions.jsonl").read_text())
    found = {
        (each.conditions["model"], each.metric): each.ratio
        for each in records
        if each.name == ARM64
    }
    models = {path.name for path in MODEL_ARTIFACTS.iterdir() if path.is_dir()}
    assert {model for model, _ in found} == models
    for model in models:
        (manifest,) = (MODEL_ARTIFACTS / model).glob("*/manifest.json")
        ratio = found[model, "classify_instructions"]
        assert ratio is not None
        if read_manifest(manifest.parent).precision == "int8":
            assert ratio == pytest.approx(0.8, abs=0.05)  # a fifth fewer
        else:
            assert ratio == pytest.approx(2.75, abs=0.15)  # almost three times as many
