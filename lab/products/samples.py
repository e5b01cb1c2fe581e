"""The page's sample photos, drawn with a seed that no data set uses."""

import dataclasses
from pathlib import Path

from lab.products.catalogue import PRODUCTS
from lab.products.dataset import PhotoKey, photo_file

SEED = 20_200_118
SIZE_PX = 480


@dataclasses.dataclass(frozen=True)
class GalleryPhoto:
    """A sample photo: its file, caption, and the key of the photo."""

    file: str
    caption: str
    class_id: str
    number: int


SAMPLES = (
    GalleryPhoto("mango-can.jpg", "Mango can", "00002", 7),
    GalleryPhoto("sesame-box.jpg", "Sesame box", "00005", 1),
    GalleryPhoto("barista-carton.jpg", "Barista carton", "00009", 2),
    GalleryPhoto("mint-bottle.jpg", "Mint bottle", "00011", 5),
    GalleryPhoto("decaf-pouch.jpg", "Decaf pouch", "00014", 2),
    GalleryPhoto("cherry-jar.jpg", "Cherry jar", "00015", 6),
    GalleryPhoto("vanilla-tub.jpg", "Vanilla tub", "00017", 7),
    GalleryPhoto("sage-tube.jpg", "Sage tube", "00020", 7),
)


def sample_files() -> dict[str, bytes]:
    """Return the JPEG file of each sample by name."""
    by_id = {product.class_id: product for product in PRODUCTS}
    return {
        sample.file: photo_file(
            PhotoKey(by_id[sample.class_id], "test", sample.number, SEED), SIZE_PX
        )
        for sample in SAMPLES
    }


def write_samples(folder: Path) -> None:
    """Write the samples into ``folder``; existing files are replaced."""
    for name, data in sample_files().items():
        (folder / name).write_bytes(data)
