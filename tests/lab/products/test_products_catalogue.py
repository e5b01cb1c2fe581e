import collections
import itertools

import numpy as np

from lab.products import label_art
from lab.products.catalogue import PRODUCTS
from lab.products.design import Shape
from lab.products.pretraining import pretraining_products


def test_there_are_30_products_with_ids_as_the_paper_writes_them() -> None:
    assert [product.class_id for product in PRODUCTS] == [f"{n:05d}" for n in range(1, 31)]
    assert PRODUCTS[0].label == "Sola Orange 330 ml can"
    assert len({product.label for product in PRODUCTS}) == 30


def test_every_kind_of_package_is_among_them() -> None:
    assert {product.brand.shape for product in PRODUCTS} == set(Shape)


def test_every_brand_has_variants_that_share_their_colours() -> None:
    brands = collections.Counter(product.brand for product in PRODUCTS)
    assert len(brands) == 12
    assert set(brands.values()) == {2, 3}


def test_every_two_products_look_different_from_the_front() -> None:
    fronts = [np.asarray(label_art.front(p, 120, 160), dtype=np.int16) for p in PRODUCTS]
    for one, other in itertools.combinations(fronts, 2):
        assert (abs(one - other).max(axis=2) > 60).mean() > 0.01


def test_no_pretraining_package_is_one_of_the_products() -> None:
    names = {p.brand.name.casefold() for p in PRODUCTS}
    words = {p.word.casefold() for p in PRODUCTS}
    icons = {p.icon for p in PRODUCTS}
    # Chance spells Lime with seed 2, Sola with 32 and 45 among these; they must be passed over.
    for seed in (0, 2, 32, 45):
        for package in pretraining_products(500, seed):
            assert package.brand.name.casefold() not in names
            assert package.word.casefold() not in words
            assert package.icon not in icons


def test_pretraining_packages_are_distinct_and_come_in_brands() -> None:
    packages = pretraining_products(300, seed=3)
    assert len({package.label for package in packages}) == 300
    assert [package.class_id for package in packages[:2]] == ["00001", "00002"]
    assert 75 <= len({package.brand for package in packages}) <= 150


def test_pretraining_packages_depend_on_the_seed_alone() -> None:
    assert pretraining_products(40, seed=5) == pretraining_products(60, seed=5)[:40]
    assert pretraining_products(40, seed=5) != pretraining_products(40, seed=6)
