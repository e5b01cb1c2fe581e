"""The model card: README.md of a model version, generated from its manifest."""

from collections.abc import Sequence
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import Manifest, Metric
from warmlens.registry.shares import threshold_sentence
from warmlens.text_files import read_text

SHOWN_LABELS = 40


def model_card(manifest: Manifest, labels: tuple[str, ...], more: Sequence[str] = ()) -> str:
    """Return the model card as Markdown.

    Args:
        manifest: of the version.
        labels: names of the classes.
        more: further sections, to go after the figures.
    """
    spec, normal = manifest.input, manifest.input.normalization
    parts = [
        f"# {manifest.name} {manifest.version}",
        f"An image classifier of {manifest.class_count} classes: {manifest.architecture}, "
        f"{manifest.precision}, {_size(manifest)}. This card is written from `manifest.json`.",
        "## Use",
        f"- Input `{spec.name}`: uint8 [1, {spec.height}, {spec.width}, 3], RGB. Resize the image "
        f"so that its shorter side is {spec.resize_shorter_side} pixels ({spec.interpolation}) "
        f"and cut out the centre {spec.width} x {spec.height}.\n"
        f"- Output `{manifest.output.name}`: float32 [1, {manifest.class_count}] over all "
        f"classes, in the order of `labels.json`.\n{_features(manifest)}"
        f"- The graph itself normalises (mean {_numbers(normal.mean)}, standard deviation "
        f"{_numbers(normal.std)}, on the scale of 0 to 255) and applies softmax.\n"
        f"- Classes: {_listed(labels)}.",
        "## Limits",
        f"- {_other_things(manifest)}\n"
        "- The figures below hold for photos like those that they were measured on.\n"
        "- Softmax values are calibrated only as well as the calibration error says.",
        "## Figures",
        _table(manifest.metrics),
        *_comparisons(manifest),
        *more,
        *_training(manifest),
        "## Source and licence",
        f"- Weights: {manifest.provenance.source}.\n- Licence: {manifest.provenance.licence}.",
        "## How it was made",
        f"On {manifest.provenance.date}, with the package versions in `manifest.json`:",
        f"    {manifest.provenance.command}",
    ]
    return "\n\n".join(parts) + "\n"


def _other_things(manifest: Manifest) -> str:
    always = "It always answers with one of its classes, also for a photo of none of them"
    recognition = manifest.recognition
    if recognition is None:
        return f"{always}, and has no threshold."
    chosen = f" They were chosen on {recognition.chosen_on}." if recognition.chosen_on else ""
    return (
        f"{always}: below a softmax of {recognition.threshold:g} for the best class, take the "
        f"answer as *not sure*. {threshold_sentence(recognition)}{chosen} Intervals are of 95 %. "
        "Photos of things that look more like its classes than those are found less often."
    )


def _features(manifest: Manifest) -> str:
    if manifest.explain is None:
        return ""
    features = manifest.explain.features
    shape = f"[1, {features.channels}, {features.rows}, {features.columns}]"
    return (
        f"- Output `{features.name}`, fetched on request: {features.type} {shape}, "
        "what goes into the average pooling. With the last layer's weights it makes class-"
        "activation maps.\n"
    )


def card_notes(path: Path) -> str:
    """Return the section of a card with a user's own Markdown.

    Raises:
        WarmlensError: `bad_notes` if the file is missing, empty or not text in UTF-8.
    """
    return f"## Notes\n\n{given_text(path, 'bad_notes')}"


def given_text(path: Path, code: str) -> str:
    """Return the text of a file that a user gives for a version.

    Raises:
        WarmlensError: `code` if the file is missing, empty or not text in UTF-8.
    """
    if not path.is_file():
        raise WarmlensError(code, f"{path} does not exist; name a file of text.")
    text = read_text(path, code).strip()
    if not text:
        raise WarmlensError(code, f"{path} is empty; write something, or leave it out.")
    return text


def further_sections(card: str) -> list[str]:
    """Return the sections of a card that are not in the manifest, for another version's card.

    Args:
        card: made by :func:`model_card`; any other text has none.
    """
    starts = [card.find(heading) for heading in ("\n## Mistakes\n", "\n## Notes\n")]
    start = min((place for place in starts if place >= 0), default=-1)
    # A user's notes may have these headings, too; the last ones are the card's.
    source = card.rfind("\n## Source and licence\n\n- Weights: ")
    training = card.rfind("\n## Training\n\n- Mode ", 0, max(source, 0))
    end = training if training >= 0 else source
    return [card[start:end].strip()] if 0 <= start < end else []


def _size(manifest: Manifest) -> str:
    files = manifest.files
    if files.weights is None:
        kind = "TorchScript" if manifest.engine == "torch" else "ONNX"
        return f"one {kind} file of {files.model.bytes / 1e6:.1f} MB"
    megabytes = (files.model.bytes + files.weights.bytes) / 1e6
    return f"an ONNX file with its weights beside it, {megabytes:.1f} MB"


def _table(metrics: tuple[Metric, ...]) -> str:
    if not metrics:
        return "None was measured."
    rows = ["| figure | value | data | who says so |", "|---|---|---|---|"]
    rows += [f"| `{m.name}` | {m.value:g} | {m.data} | {m.kind}: {m.source} |" for m in metrics]
    return "\n".join(rows)


def _comparisons(manifest: Manifest) -> list[str]:
    parts = []
    if (parity := manifest.parity) is not None:
        logits = (
            f" and logits by at most {parity.max_abs_logit_difference:g}"
            if parity.max_abs_logit_difference is not None
            else ""
        )
        parts.append(
            f"Export: {parity.subject or manifest.files.model.path} against {parity.reference}, on "
            f"{parity.images} images ({parity.data}): softmax differs by at most "
            f"{parity.max_abs_softmax_difference:g}{logits}; the best class is the same on "
            f"{parity.top1_agreement:.1%}."
        )
    if (graph := manifest.optimization) is not None:
        parts.append(
            f"Optimization: the graph was optimized at the level {graph.level} by {graph.engine} "
            "when it was made; load it without optimizing it again."
        )
    if (made := manifest.quantization) is not None:
        parts.append(
            f"Quantization: {made.method}; calibrated on {made.calibration_data}. On "
            f"{made.images} photos ({made.data}) int8 and fp32 give the same best class on "
            f"{made.top1_agreement:.1%}. The fp32 file has {made.fp32_bytes / 1e6:.1f} MB."
        )
    return parts


def _training(manifest: Manifest) -> list[str]:
    run = manifest.training
    if run is None:
        return []
    photos = ", ".join(f"{name} {count}" for name, count in run.photos.items())
    return [
        "## Training",
        f"- Mode {run.mode}, {run.stages} ({run.epochs_done} done), "
        f"{'with' if run.augment else 'without'} augmentation, seed {run.seed}, computed in "
        f"{run.precision}.\n"
        f"- Photos: {photos}.\n"
        f"- Started from {run.initial_weights}.\n"
        f"- Command: `{run.command}`",
    ]


def _listed(labels: tuple[str, ...]) -> str:
    if len(labels) <= SHOWN_LABELS:
        return ", ".join(labels)
    return f"{', '.join(labels[:SHOWN_LABELS])} and {len(labels) - SHOWN_LABELS} more"


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
