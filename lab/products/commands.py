"""The commands `python -m lab products`: generate product photos."""

from pathlib import Path
from typing import Annotated

import typer

from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.progress import progress_bar

app = typer.Typer(no_args_is_help=True, help="Draw the photos of the 30 products.")


@app.command(epilog="Example: python -m lab products generate --out photos/products --seed 1")
def generate(
    folder: Annotated[Path, typer.Option("--out", help="A new or empty folder.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same photos.")] = 0,
    per_class: Annotated[
        int,
        typer.Option(
            help="Training photos of each product; 20 + 50 + 50 more for validation and tests."
        ),
    ] = 100,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 224,
    packages: Annotated[
        int,
        typer.Option(
            help="Draw this many random packages for pretraining instead of the products."
        ),
    ] = 0,
    processes: Annotated[
        int, typer.Option(help="Processes that draw; 0 for one on each core.")
    ] = 0,
) -> None:
    """Generate photos of the 30 products.

    The splits are train, val, test and a hard test set.
    """
    from lab.products.catalogue import PRODUCTS
    from lab.products.dataset import DatasetSpec, write_dataset
    from lab.products.pretraining import pretraining_products

    if packages < 0 or processes < 0:
        raise WarmlensError("bad_value", "--packages and --processes must be 0 or more.")
    products = pretraining_products(packages, max(seed, 0)) if packages else PRODUCTS
    if packages:
        spec = DatasetSpec(seed, size, wide=True, train=per_class, val=5, test=0, hard=0)
    else:
        spec = DatasetSpec(seed, size, train=per_class)
    with progress_bar("Drawing") as on_progress:
        write_dataset(folder, spec, products, processes or None, on_progress)
    total = len(products) * sum(spec.counts().values())
    out.print(f"{total} photos of {len(products)} products written to {folder}.")


@app.command(epilog="Example: python -m lab products sheet --out products.jpg")
def sheet(
    file: Annotated[Path, typer.Option("--out", help="A .jpg or .png file.")],
    seed: Annotated[int, typer.Option(help="Seed of the photos.")] = 0,
    size: Annotated[int, typer.Option(help="Width and height of each photo in pixels.")] = 96,
) -> None:
    """Draw a contact sheet of all products.

    It has four ordinary and two hard photos of each product.
    """
    if file.suffix.lower() not in (".jpg", ".png"):
        raise WarmlensError("bad_value", f"--out is {file}; allowed: a name with .jpg or .png.")
    if not 32 <= size <= 256 or seed < 0:
        raise WarmlensError(
            "bad_value", f"--size is {size} and --seed {seed}; allowed: 32 to 256, 0 or more."
        )
    if not file.parent.is_dir():
        raise WarmlensError("not_a_folder", f"{file.parent} is not a folder.")
    from PIL import Image

    from lab.products.contact_sheet import contact_sheet

    picture = Image.fromarray(contact_sheet(seed=seed, size_px=size))
    picture.save(file, quality=80)
    out.print(f"Written to {file}.")


@app.command(epilog="Example: python -m lab products samples --out web/samples")
def samples(
    folder: Annotated[Path, typer.Option("--out", help="Folder of the page's sample photos.")],
) -> None:
    """Draw the page's sample photos of the products."""
    if not folder.is_dir():
        raise WarmlensError("not_a_folder", f"{folder} is not a folder.")
    from lab.products.samples import SAMPLES, write_samples

    write_samples(folder)
    out.print(f"{len(SAMPLES)} photos written to {folder}.")
