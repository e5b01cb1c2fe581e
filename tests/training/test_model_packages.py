import pytest

from training.model_packages import import_model_package
from warmlens.errors import WarmlensError


def test_a_package_that_is_not_installed_is_named_with_what_to_do() -> None:
    with pytest.raises(WarmlensError, match=r"warmlens_absent.*make training") as refused:
        import_model_package("warmlens_absent")
    assert refused.value.code == "package_missing"


def test_a_package_that_is_installed_is_imported() -> None:
    assert import_model_package("json").loads("1") == 1
