"""Claims on models and sizes: Table 1, fine-tuning, Fig. 3, capacity, and the request."""

import statistics
from collections.abc import Sequence

from lab.experiments.printed import AWS, PAPERS
from lab.experiments.record_query import NoRecordError, RecordSet
from lab.experiments.verdicts import (
    COMPUTED,
    MEASURED,
    QUOTED,
    Judgement,
    Rules,
    Verdict,
    above,
    decided,
)
from lab.intervals import Interval
from warmlens.records import Record
from warmlens.registry import shares

RULES = Rules()
_COMPARISON, _REAL = "model-comparison", "groceries"
_NETWORK = "resnet50"
_SIZE_OFF, _ERROR_OFF_PERCENT = 0.01, 0.5
_COMPARE = "python -m lab sizes"


@RULES.add(
    "Table 1",
    "ResNets of 18 to 152 layers take 44.6 to 230 MB",
    turned_by=f"an exported network more than {_SIZE_OFF:.0%} larger or smaller",
    command=_COMPARE,
)
def _sizes(results: RecordSet) -> Judgement:
    kept = results.kept("model-sizes")
    off = {
        each.name: each.value / kept.value("paper_size", each.name) - 1
        for each in kept.require_any("fp32_size")
    }
    return Judgement(
        Verdict.CONFIRMED if max(map(abs, off.values())) <= _SIZE_OFF else Verdict.CORRECTED,
        f"ours in fp32 are within {max(map(abs, off.values())):.1%}, in MiB; in int8 resnet50 "
        f"takes {kept.value('int8_size', _NETWORK):.1f} MiB instead of "
        f"{kept.value('fp32_size', _NETWORK):.1f}",
        MEASURED,
    )


@RULES.add(
    "Table 1",
    "Their errors on ImageNet are 30.24 and 10.92 % (top-1 and top-5, 18 layers) to 21.69 and "
    "5.94 % (152)",
    turned_by="`imagenet_top1_error` and `imagenet_top5_error` of these networks in the records: "
    "within half a point (confirmed), or not (corrected)",
    command=_COMPARE,
)
def _errors(results: RecordSet) -> Judgement:
    kept = results.kept("model-sizes")
    off = [
        abs(each.value - kept.value(f"paper_{top}_error", each.name))
        for top in ("top1", "top5")
        for each in kept.select(f"imagenet_{top}_error")
    ]
    if not off:
        return Judgement(
            Verdict.NOT_SHOWN,
            "it needs ImageNet's validation photos and these networks' weights; neither is at hand",
            QUOTED,
        )
    return Judgement(
        Verdict.CONFIRMED if max(off) <= _ERROR_OFF_PERCENT else Verdict.CORRECTED,
        f"{len(off)} errors are within {max(off):.2f} points",
        MEASURED,
    )


@RULES.add(
    "2.1",
    "For little or similar data it is enough to train a new last layer, the whole network is for "
    "much data",
    turned_by="a last layer alone as often right as the whole network, by intervals that touch",
    command="warmlens model compare",
)
def _last_layer(results: RecordSet) -> Judgement:
    kept = results.kept(_COMPARISON).select("test_top1")
    head, whole = (_of_mode(kept, f"{_NETWORK}-{part}", augment=False) for part in ("head", "full"))
    photos = whole[0].conditions["photos"]
    gains = above(_interval_of(whole, photos), _interval_of(head, photos))
    return Judgement(
        Verdict.CORRECTED if gains else Verdict.CONFIRMED,
        f"on generated photos of 30 products, about 100 each, and weights from similar photos, the "
        f"last layer alone is right on {_right(head)}, the whole network on {_right(whole)} "
        f"({len(head)} runs each)",
        MEASURED,
    )


@RULES.add(
    "Fig. 3",
    "A fine-tuned ResNet50 is more often right than an own small network",
    turned_by="both trained on the real photos of groceries, the first from ImageNet's weights: "
    "intervals apart decide",
    command="warmlens model compare",
)
def _own_network(results: RecordSet) -> Judgement:
    real = results.kept(_REAL).select("test_top1")
    own = [each for each in real if each.conditions.get("mode") == "small-cnn"]
    tuned = [each for each in real if str(each.conditions.get("mode")).endswith("-full")]
    if own and tuned:
        return _on_real_photos(results, "fine-tuned", tuned, "an own small network", own)
    kept = results.kept(_COMPARISON).select("test_top1")
    own = _of_mode(kept, "small-cnn", augment=True)
    tuned = _of_mode(kept, f"{_NETWORK}-full", augment=False)
    best = max(real, key=lambda each: each.value, default=None)
    return Judgement(
        Verdict.NOT_COMPARABLE,
        f"on generated photos the order is the other way round: {_right(own)} for an own CNN, "
        f"{_right(tuned)} for the whole ResNet50, but its weights were not ImageNet's"
        + (
            f". On real photos of groceries {best.name} reaches {best.value:.1f} % from "
            "ImageNet's weights; an own network was not trained on them"
            if best
            else ""
        ),
        MEASURED,
    )


@RULES.add(
    "Fig. 3",
    "Augmentation (size, rotation, light) makes the fine-tuned network more often right",
    turned_by="the same network trained on the real photos of groceries with and without it: "
    "intervals apart decide",
    command="warmlens model compare",
)
def _augmentation(results: RecordSet) -> Judgement:
    real = results.kept(_REAL).select("test_top1")
    for with_it in [each for each in real if each.conditions.get("augment")]:
        without = [
            each
            for each in real
            if each.conditions.get("augment") is False
            and each.conditions.get("mode") == with_it.conditions["mode"]
        ]
        if without:
            return _on_real_photos(results, "with it", [with_it], "without it", without)
    kept = results.kept(_COMPARISON).select("test_top1")
    plain, augmented = (_of_mode(kept, f"{_NETWORK}-full", augment=each) for each in (False, True))
    return Judgement(
        Verdict.NOT_COMPARABLE,
        f"on generated photos, which vary in size, rotation and light already, it does not: "
        f"{_right(augmented)} with it, {_right(plain)} without ({len(plain)} runs each)",
        MEASURED,
    )


@RULES.add(
    "3.3",
    "Lambda takes packages of 50 MB by direct upload, 250 MB unpacked, 3 MB in its editor",
    turned_by="another figure in AWS's quotas",
)
def _limits(results: RecordSet) -> Judgement:
    metrics = ("zip_upload_mb", "unzipped_mb", "inline_edit_mb")
    pairs = [(results.value(each, PAPERS), results.value(each, AWS)) for each in metrics]
    changed = [f"{then:g} MB are {now:g} MB" for then, now in pairs if then != now]
    return Judgement(
        Verdict.CORRECTED if changed else Verdict.CONFIRMED,
        ", ".join(changed)
        or "they are still AWS's quotas for .zip packages; container images, which exist since "
        f"December 2020, may have {results.value('container_image_mb', AWS) / 1024:g} GB",
        QUOTED,
    )


@RULES.add(
    "3.3",
    "So the model and large packages are loaded from S3 when an instance is made",
    turned_by="a ResNet50 larger than a container image may be",
    command=_COMPARE,
)
def _from_s3(results: RecordSet) -> Judgement:
    size_mib = results.kept("model-sizes").value("fp32_size", _NETWORK)
    image_mb = results.value("container_image_mb", AWS)
    about = {"memory_mb": 1769, "page_cache": "warm", "input_px": 224}
    starts = [
        results.kept("speed").get("cold_start_ms", "ours", model_store=store, **about)
        for store in ("image", "s3")
    ]
    image, s3 = starts
    if size_mib >= image_mb:
        evidence = f"the model's {size_mib:,.0f} MiB do not fit into a container image either"
        return Judgement(Verdict.CONFIRMED, evidence, COMPUTED)
    return Judgement(
        Verdict.CORRECTED,
        f"S3 is one way. A container image may have {image_mb / 1024:g} GB, so that it holds the "
        f"model's {size_mib:.0f} MiB and all packages"
        + (
            f"; ours then starts here in {image.value:.0f} ms instead of {s3.value:.0f} from S3 "
            f"(medians of {image.samples}, at 1,769 MB)"
            if image and s3
            else ""
        )
        + ". Layers count among the 250 MB",
        COMPUTED,
    )


@RULES.add(
    "3.1",
    "The photo goes to S3 because of Lambda's limits",
    turned_by="an ordinary photo that in base64 exceeds the size of a request",
    command="python -m lab bench one-call",
)
def _photo(results: RecordSet) -> Judgement:
    kept = results.kept("one-call")
    uploaded, in_call = (kept.require("wait_ms", name) for name in ("uploaded", "in the call"))
    photo_mb = in_call.conditions["photo_bytes"] / 1e6
    limit_mb = results.value("request_mb", AWS)
    fits = photo_mb * 4 / 3 < limit_mb
    return Judgement(
        Verdict.CORRECTED if fits else Verdict.CONFIRMED,
        f"a request may have {limit_mb:g} MB, and a photo of {photo_mb:.1f} MB fits in base64. "
        f"Sent with the request it is answered here in {in_call.value:.0f} ms instead of "
        f"{uploaded.value:.0f} (medians of {in_call.samples}; a link of 50 ms and 10 Mbit/s, "
        "imitated). Larger ones, and those that are kept, need S3"
        if fits
        else f"a request may have {limit_mb:g} MB, a photo of {photo_mb:.1f} MB is too large",
        MEASURED,
    )


def _of_mode(records: Sequence[Record], mode: str, *, augment: bool) -> list[Record]:
    found = [
        each
        for each in records
        if (each.conditions["mode"], each.conditions["augment"]) == (mode, augment)
    ]
    if not found:
        raise NoRecordError(mode)
    return found


def _right(records: Sequence[Record]) -> str:
    return f"{statistics.fmean(each.value for each in records):.1f} %"


def _interval_of(records: Sequence[Record], photos: float) -> Interval:
    """Return the interval of the share of right answers, of photos that all runs were asked."""
    return shares.interval(statistics.fmean(each.value for each in records) / 100, int(photos))


def _on_real_photos(
    results: RecordSet, what: str, more: Sequence[Record], other: str, less: Sequence[Record]
) -> Judgement:
    photos = results.kept(_REAL).value("test_photos")
    best, rest = (max(each, key=lambda record: record.value) for each in (more, less))
    one, two = _interval_of([best], photos), _interval_of([rest], photos)
    return Judgement(
        decided(above(one, two)),
        f"on {photos:.0f} real photos of groceries {best.name}, {what}, is right on "
        f"{best.value:.1f} % ({100 * one[0]:.1f} to {100 * one[1]:.1f}), {rest.name}, {other}, on "
        f"{rest.value:.1f} % ({100 * two[0]:.1f} to {100 * two[1]:.1f})",
        MEASURED,
    )
