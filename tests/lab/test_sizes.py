"""The sizes of exported ResNets."""

import pytest

from lab.sizes import PAPER, measure_size


def test_a_resnets_size_is_measured_from_our_own_export() -> None:
    size = measure_size("resnet18", with_int8=True)
    assert size.parameters == 11_689_512
    assert size.fp32_mib == pytest.approx(PAPER["resnet18"][2], abs=0.3)
    assert size.int8_mib is not None
    assert size.int8_mib < 0.27 * size.fp32_mib
