"""Photos of ImageNet classes and of other things, to calibrate the ImageNet model.

ImageNet's own photos may not be used here. These come from the Grocery Store data set and from the
project's public-domain photos. Packages are left out: ImageNet has classes for cartons, packets and
bottles, so a packaged product is neither clearly of a class nor clearly of none.
"""

import shutil
from pathlib import Path

from training.foreign_photos import DEFAULT
from warmlens.errors import WarmlensError

# Manifest and model card name the photos by these.
OWN = "grocery-store-and-public-domain-photos-of-some-imagenet-classes"
FOREIGN = "grocery-store-and-public-domain-photos-of-other-things"
PER_CLASS = 16  # photos of each class of groceries, evenly taken from its train photos

OWN_GROCERIES = {
    "Granny-Smith": "n07742313",
    "Banana": "n07753592",
    "Lemon": "n07749582",
    "Orange": "n07747607",
    "Pineapple": "n07753275",
    "Pomegranate": "n07768694",
    "Cabbage": "n07714571",
    "Cucumber": "n07718472",
    "Brown-Cap-Mushroom": "n07734744",
    "Green-Bell-Pepper": "n07720875",
    "Orange-Bell-Pepper": "n07720875",
    "Red-Bell-Pepper": "n07720875",
    "Yellow-Bell-Pepper": "n07720875",
    "Zucchini": "n07716358",
}
OWN_OTHERS = {
    "animal/bison": "n02410509",
    "animal/dragon": "n01695060",
    "animal/jaguar": "n02128925",
    "animal/koala": "n01882714",
    "animal/lemur": "n02497673",
    "animal/pig": "n02395406",
    "animal/polar-bear": "n02134084",
    "ball/baseball": "n02799071",
    "ball/volleyball": "n04540053",
    "bear/panda": "n02510455",
    "bear/red-panda": "n02509815",
    "bed/pillow": "n03938244",
    "bird/chicken": "n01514859",
    "bird/scarlet-macaw": "n01818515",
    "bucket/bucket": "n02909870",
    "building/arcdetriomphe": "n04486054",
    "building/indiagate": "n04486054",
    "building/gatewayofindia": "n04486054",
    "cup/buffetset": "n07930864",
    "cup/cup": "n07930864",
    "dam/dam1": "n03160309",
    "dam/dam2": "n03160309",
    "dam/dam4": "n03160309",
    "dog/dog": "n02106662",
    "eraser/erasers": "n04116512",
    "fish/fish25": "n01443537",
    "fish/fish28": "n02655020",
    "fish/fish9": "n02607072",
    **{f"hammer/hammer{number}": "n03481172" for number in (1, 2, 3, 4, 5, 7)},
    "pan/pan": "n03400231",
    "plate/plate": "n07579787",
    "scales/weighingmachine": "n04141975",
    **{f"screwdriver/screwdriver{number}": "n04154565" for number in (1, 2, 3)},
}
FOREIGN_GROCERIES = (
    *("Asparagus", "Aubergine", "Avocado", "Carrots", "Floury-Potato", "Garlic", "Ginger"),
    *("Kiwi", "Leek", "Papaya", "Passion-Fruit", "Plum", "Red-Beet", "Vine-Tomato"),
    *("Watermelon", "Yellow-Onion"),
)
FOREIGN_OTHERS = (
    *("measuring-tape", "multimeter", "nail-clippers", "planet", "pliers", "scissors", "sickle"),
    *("tweezers", "wrench"),
    *("animal/giraffe", "animal/hedgehog", "animal/kangaroo", "animal/moose", "animal/narwhal"),
    *("animal/pika", "bird/kingfisher", "cutlery/knife", "cutlery/spoons", "lamp", "pencil"),
)


def prepare_everyday(groceries: Path, out: Path) -> dict[str, int]:
    """Copy the photos to a folder for each ImageNet class, and one for each other thing.

    Args:
        groceries: the Grocery Store data set's folder with `train`.
        out: a new folder.

    Returns:
        The number of photos in each of the two.

    Raises:
        WarmlensError: `folder_exists`, or `no_images` for a class that the data set lacks.
    """
    if out.exists():
        raise WarmlensError("folder_exists", f"{out} exists already; give a new folder.")
    classes = {path.name: path for path in sorted((groceries / "train").glob("**/*"))}
    chosen = [(f"{OWN}/{number}", _some(classes, name)) for name, number in OWN_GROCERIES.items()]
    chosen += [(f"{OWN}/{number}", _others(name)) for name, number in OWN_OTHERS.items()]
    chosen += [(f"{FOREIGN}/{name}", _some(classes, name)) for name in FOREIGN_GROCERIES]
    chosen += [(f"{FOREIGN}/{name.partition('/')[0]}", _others(name)) for name in FOREIGN_OTHERS]
    counts = {OWN: 0, FOREIGN: 0}
    for folder, photos in chosen:
        (out / folder).mkdir(parents=True, exist_ok=True)
        for photo in photos:
            shutil.copyfile(photo, out / folder / photo.name)
        counts[folder.partition("/")[0]] += len(photos)
    return counts


def _some(classes: dict[str, Path], name: str) -> list[Path]:
    photos = sorted(classes[name].glob("*.jpg")) if name in classes else []
    if not photos:
        raise WarmlensError("no_images", f"The data set has no photos of {name} in train.")
    return photos[:: max(1, len(photos) // PER_CLASS)][:PER_CLASS]


def _others(name: str) -> list[Path]:
    path = DEFAULT / name
    return sorted(path.iterdir()) if path.is_dir() else [path.with_suffix(".webp")]
