"""The shipped model versions in figures, from their manifests, for the docs."""

from lab.markdown import table
from training.recognition import LEAST_FOUND, MOST_REFUSED
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.manifest import Manifest, PhotoShare
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.shares import interval

# With their versions, so that a person's own ones beside them do not change the docs.
SHIPPED = (
    ("groceries-lite2", "1.0.0"),
    ("imagenet-efficientnet-lite0", "1.1.0"),
    ("products-resnet50", "1.1.0"),
)

PRODUCTS_TEST_PHOTOS = 1500
"""In each of the two splits, by the manifest's text."""

_MET = {True: "met", False: "missed"}


def shipped() -> list[Manifest]:
    """Return the manifests of the shipped versions."""
    return [read_manifest(MODEL_ARTIFACTS / name / version) for name, version in SHIPPED]


def thresholds() -> str:
    """Return the table of sizes and thresholds, with 95 % intervals of the shares."""
    rows = []
    for manifest in shipped():
        chosen = manifest.recognition
        if chosen is not None:
            rows.append(
                (
                    f"`{manifest.name}`",
                    f"{file_mb(manifest):.1f}",
                    f"{chosen.threshold:.3f}",
                    _share(chosen.kept),
                    _share(chosen.found),
                    f"{chosen.auroc:.2f}",
                )
            )
    header = "model | MB | threshold | own photos kept, % | other things found, % | AUROC"
    return table(header, rows, align="---:")


def file_mb(manifest: Manifest) -> float:
    """Return the size of graph and weights in MB, without the labels, as the model card has it."""
    weights = manifest.files.weights
    return (manifest.files.model.bytes + (weights.bytes if weights else 0)) / 1e6


def top1_percent(manifest: Manifest) -> float | None:
    """Return the share of the test photos that are answered right; None if it was not measured."""
    share = {each.name: each.value for each in manifest.metrics}.get("test_top1_accuracy")
    return None if share is None else 100 * share


def refused() -> str:
    """Return a line for each shipped version: what it refuses and finds, beside the goals."""
    lines = []
    for manifest in shipped():
        chosen = manifest.recognition
        if chosen is not None:
            top1 = top1_percent(manifest)
            right = "" if top1 is None else f"; its first class is right for {top1:.1f} %"
            keeps_enough = chosen.kept.share >= 1 - MOST_REFUSED
            finds_enough = chosen.found.share >= LEAST_FOUND
            lines.append(
                f"- `{manifest.name}` refuses {100 * (1 - chosen.kept.share):.1f} % of "
                f"{chosen.kept.images:,} photos of its classes (goal of at most "
                f"{100 * MOST_REFUSED:.0f} %: {_MET[keeps_enough]}){right}. It finds "
                f"{100 * chosen.found.share:.1f} % of {chosen.found.images} photos of other things "
                f"(goal of at least {100 * LEAST_FOUND:.0f} %: {_MET[finds_enough]})."
            )
    return "\n".join(lines) + "\n"


def products() -> str:
    """Return the table of the products' accuracy on the test photos and on the hard ones."""
    (manifest,) = (each for each in shipped() if each.name == "products-resnet50")
    found = {each.name: each.value for each in manifest.metrics}
    images = PRODUCTS_TEST_PHOTOS
    rows = []
    for name, split in ((f"test, {images:,}", "test"), (f"hard test, {images:,}", "hard")):
        metrics = (f"{split}_top1", f"fp32_{split}_top1", f"{split}_top5")
        rows.append((name, *(_accuracy(found[f"{each}_accuracy"], images) for each in metrics)))
    return table("photos | top-1, int8, % | top-1, fp32, % | top-5, int8, %", rows)


def _accuracy(share: float, images: int) -> str:
    low, high = (100 * each for each in interval(share, images))
    return f"{100 * share:.1f} ({low:.1f} to {high:.1f})"


def _share(of: PhotoShare) -> str:
    low, high = (100 * each for each in interval(of.share, of.images))
    return f"{100 * of.share:.1f} ({low:.1f} to {high:.1f}) of {of.images:,}"
