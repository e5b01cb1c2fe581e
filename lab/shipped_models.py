"""The shipped model versions in figures, from their manifests, for the docs."""

from lab.markdown import table
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.manifest import PhotoShare
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.shares import interval

# With their versions, so that a person's own ones beside them do not change the docs.
SHIPPED = (
    ("groceries-lite2", "1.0.0"),
    ("imagenet-efficientnet-lite0", "1.1.0"),
    ("products-resnet50", "1.1.0"),
)


def thresholds() -> str:
    """Return the table of sizes and thresholds, with 95 % intervals of the shares."""
    rows = []
    for name, version in SHIPPED:
        manifest = read_manifest(MODEL_ARTIFACTS / name / version)
        chosen = manifest.recognition
        if chosen is not None:
            rows.append(
                (
                    f"`{name}`",
                    f"{manifest.files.bytes / 1e6:.1f}",
                    f"{chosen.threshold:.3f}",
                    _share(chosen.kept),
                    _share(chosen.found),
                    f"{chosen.auroc:.2f}",
                )
            )
    header = "model | MB | threshold | own photos kept, % | other things found, % | AUROC"
    return table(header, rows, align="---:")


def _share(of: PhotoShare) -> str:
    low, high = (100 * each for each in interval(of.share, of.images))
    return f"{100 * of.share:.1f} ({low:.1f} to {high:.1f}) of {of.images:,}"
