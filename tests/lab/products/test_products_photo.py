import dataclasses

import numpy as np
import pytest

from lab.products.catalogue import PRODUCTS
from lab.products.dataset import SPLITS, PhotoKey, photo, photo_plan
from lab.products.design import Product, Shape
from lab.products.package import draw
from lab.products.photo import draw_photo
from lab.products.plan import HARD, ORDINARY
from lab.products.rendering import Light, Pose

ONE_OF_EACH_SHAPE = {product.brand.shape: product for product in PRODUCTS}.values()
LIGHT = Light(0.3, 0.4, 0.87, 0.6)


@pytest.mark.parametrize("size_px", [16, 64, 96, 224])
@pytest.mark.parametrize("split", SPLITS)
def test_a_photo_has_the_size_that_was_asked_for(split: str, size_px: int) -> None:
    picture = photo(PhotoKey(PRODUCTS[0], split, 1), size_px)
    assert picture.shape == (size_px, size_px, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("size_px", [15, 1025])
def test_a_size_out_of_range_is_refused(size_px: int) -> None:
    with pytest.raises(ValueError, match=f"size_px is {size_px}; allowed: 16 to 1024"):
        photo(PhotoKey(PRODUCTS[0], "train", 1), size_px)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_every_product_is_in_its_photo(product: Product) -> None:
    plan = photo_plan(PhotoKey(product, "train", 1))
    alone = dataclasses.replace(plan, clutter=(), occluders=(), noise=0.0, shadow=0.0)
    elsewhere = dataclasses.replace(alone, product=dataclasses.replace(alone.product, x=9.0))
    with_it, without = (draw_photo(product, p, 64).astype(int) for p in (alone, elsewhere))
    assert (abs(with_it - without).max(axis=2) > 12).mean() > 0.08


@pytest.mark.parametrize("product", ONE_OF_EACH_SHAPE, ids=lambda product: product.brand.shape)
def test_a_package_seen_from_the_front_is_upright_and_as_high_as_asked(product: Product) -> None:
    sprite = draw(product, Pose(0, 0, 0, 60, 100, 100), LIGHT, 200)
    assert sprite is not None
    rows = np.flatnonzero(sprite.alpha.max(axis=1) > 0.5) + sprite.y
    # Boxes are drawn in perspective, so that their front is a little larger.
    assert 66 <= rows[0] <= 72
    assert 128 <= rows[-1] <= 134


@pytest.mark.parametrize("product", ONE_OF_EACH_SHAPE, ids=lambda product: product.brand.shape)
def test_a_package_off_the_canvas_is_not_drawn(product: Product) -> None:
    assert draw(product, Pose(10, 10, 10, 60, -300, 100), LIGHT, 200) is None


def test_the_top_of_a_can_shows_only_from_above() -> None:
    can = next(product for product in PRODUCTS if product.brand.shape is Shape.CAN)
    level, above = (draw(can, Pose(0, p, 0, 100, 100, 100), LIGHT, 200) for p in (0, 35))
    assert level is not None
    assert above is not None
    highest = [np.flatnonzero(s.alpha.max(axis=1) > 0)[0] + s.y for s in (level, above)]
    upper = above.alpha[highest[1] - above.y + 3]
    assert 0 < upper.sum() < level.alpha.max(axis=0).sum()


def test_the_same_plan_shows_the_same_scene_at_any_size() -> None:
    plan = dataclasses.replace(photo_plan(PhotoKey(PRODUCTS[3], "train", 2)), noise=0.0)
    large, small = (draw_photo(PRODUCTS[3], plan, size_px).astype(float) for size_px in (128, 64))
    shrunk = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(shrunk.ravel(), small.ravel())[0, 1] > 0.9


def test_white_balance_varies_so_much_that_colours_alone_mislead() -> None:
    gains = np.array(
        [photo_plan(PhotoKey(PRODUCTS[0], "train", number)).gains for number in range(1, 101)]
    )
    warmth = np.log(gains[:, 0] / gains[:, 2])
    assert warmth.std() > 0.2


def test_the_hard_photos_have_backgrounds_that_no_other_photo_has() -> None:
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    for product in PRODUCTS:
        for split in SPLITS:
            for number in range(1, 11):
                plan = photo_plan(PhotoKey(product, split, number))
                seen[split == "hard"] |= {plan.table, plan.wall}
    assert seen[True] == {*HARD.tables, *HARD.walls}
    assert seen[False] == {*ORDINARY.tables, *ORDINARY.walls}
    assert not seen[True] & seen[False]


def test_wide_photos_for_pretraining_have_the_ordinary_backgrounds() -> None:
    plans = [photo_plan(PhotoKey(PRODUCTS[0], "train", n, wide=True)) for n in range(1, 101)]
    assert not {plan.table for plan in plans} & {*HARD.tables, *HARD.walls}
    assert max(abs(plan.product.yaw_deg) for plan in plans) > ORDINARY.yaw_deg
