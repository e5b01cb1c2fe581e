"""A contact sheet with photos of all products."""

import numpy as np
from PIL import Image, ImageDraw

from lab.products.catalogue import PRODUCTS
from lab.products.dataset import PhotoKey, photo
from lab.products.design import Product, Typeface
from lab.products.lettering import font
from lab.products.rendering import Pixels

COLUMNS = 3
VIEWS = (("train", 1), ("train", 2), ("train", 3), ("test", 1), ("hard", 1), ("hard", 2))
CAPTION_PX = 20
GAP_PX = 8


def contact_sheet(
    products: tuple[Product, ...] = PRODUCTS, seed: int = 0, size_px: int = 96
) -> Pixels:
    """Return a picture with four ordinary and two hard photos of each product, captioned."""
    rows = -(-len(products) // COLUMNS)
    cell_px = (len(VIEWS) * size_px + GAP_PX, size_px + CAPTION_PX + GAP_PX)
    sheet = Image.new("RGB", (COLUMNS * cell_px[0] + GAP_PX, rows * cell_px[1] + GAP_PX), "white")
    draw = ImageDraw.Draw(sheet)
    for index, product in enumerate(products):
        # By column, so that the variants of a brand are below each other.
        x = GAP_PX + index // rows * cell_px[0]
        y = GAP_PX + index % rows * cell_px[1]
        caption = f"{product.class_id}  {product.label}"
        draw.text((x, y), caption, fill=(30, 30, 30), font=font(Typeface.SANS, 14))
        for view, (split, number) in enumerate(VIEWS):
            picture = Image.fromarray(photo(PhotoKey(product, split, number, seed), size_px))
            sheet.paste(picture, (x + view * size_px, y + CAPTION_PX))
    return np.asarray(sheet, dtype=np.uint8)
