"""Claims on models and sizes: Table 1, fine-tuning, Fig. 3, capacity, and the request."""

import statistics
from collections.abc import Sequence

from lab.experiments.printed import AWS, PAPERS, PHONE_MEGAPIXELS
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
from lab.model_comparison import started_elsewhere
from warmlens.records import Record
from warmlens.registry import shares

RULES = Rules()
_COMPARISON, _REAL = "model-comparison", "groceries"
_NETWORK = "resnet50"
_HEAD = "-head"
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
            "it needs ImageNet's validation photos and these networks' weights, "
            "which are not available",
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
    turned_by="both trained on the real photos of groceries from ImageNet's weights: intervals "
    "apart decide",
    command="warmlens model compare",
)
def _last_layer(results: RecordSet) -> Judgement:
    real = results.kept(_REAL, noted=False)
    for head in _imagenet_first(real.select("test_top1")):
        network, is_head, _ = str(head.conditions.get("mode")).partition(_HEAD)
        augment = head.conditions.get("augment")
        whole = real.select("test_top1", mode=f"{network}-full", augment=augment)
        if is_head and whole:
            return _on_real_photos(
                results,
                ("the whole network", whole),
                ("the last layer alone", [head]),
                yes=Verdict.CORRECTED,
                no=Verdict.CONFIRMED,
            )
    kept = results.kept(_COMPARISON).select("test_top1")
    last, all_layers = (
        _of_mode(kept, f"{_NETWORK}{part}", augment=False) for part in (_HEAD, "-full")
    )
    return Judgement(
        Verdict.NOT_COMPARABLE,
        f"on generated photos of 30 products, about 100 each, the last layer alone is right on "
        f"{_right(last)}, the whole network on {_right(all_layers)} ({len(last)} runs each), but "
        f"its weights were not ImageNet's, and photos had {last[0].conditions['size_px']} px",
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
    tuned = [each for each in real if each.conditions.get("mode") == f"{_NETWORK}-full"]
    if own and tuned:
        return _on_real_photos(results, ("fine-tuned", tuned), ("an own small network", own))
    kept = results.kept(_COMPARISON).select("test_top1")
    drawn_own = _of_mode(kept, "small-cnn", augment=True)
    drawn_tuned = _of_mode(kept, f"{_NETWORK}-full", augment=False)
    return Judgement(
        Verdict.NOT_COMPARABLE,
        f"{_beside_another_network(real, _augmented(own))}on generated photos the order is the "
        f"other way round: {_right(drawn_own)} for an own CNN, {_right(drawn_tuned)} for the whole "
        "ResNet50, but its weights were not ImageNet's",
        MEASURED,
    )


def _beside_another_network(real: Sequence[Record], own: Sequence[Record]) -> str:
    """Compare the own network with the best fine-tuned one, which is not the paper's."""
    others = [each for each in real if str(each.conditions.get("mode")).endswith("-full")]
    if not (own and others):
        return ""
    best = max(others, key=lambda each: each.value)
    as_printed = best.value > statistics.fmean(each.value for each in own)
    return (
        f"on real photos of groceries {best.name}, is right on {best.value:.1f} %, an own network "
        f"on {_right(own)} ({len(own)} runs): {'' if as_printed else 'not '}the paper's order, and "
        "not its network; "
    )


@RULES.add(
    "Fig. 3",
    "Augmentation (size, rotation, light) makes the fine-tuned network more often right",
    turned_by="the same network trained on the real photos of groceries with and without it: "
    "intervals apart decide",
    command="warmlens model compare",
)
def _augmentation(results: RecordSet) -> Judgement:
    real = [
        each
        for each in results.kept(_REAL, noted=False).select("test_top1")
        if str(each.conditions.get("mode")).endswith("-full")
    ]
    for with_it in _imagenet_first(_augmented(real)):
        without = [
            each
            for each in real
            if each.conditions.get("augment") is False
            and each.conditions.get("mode") == with_it.conditions["mode"]
        ]
        if without:
            return _on_real_photos(results, ("with it", [with_it]), ("without it", without))
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
    turned_by="a ResNet50 that fits into a package of 50 MB",
    command=_COMPARE,
)
def _from_s3(results: RecordSet) -> Judgement:
    size_mib = results.kept("model-sizes").value("fp32_size", _NETWORK)
    package_mb = results.value("zip_upload_mb", PAPERS)
    image_mb = results.value("container_image_mb", AWS)
    about = {"memory_mb": 1769, "page_cache": "warm", "input_px": 224}
    speed = results.kept("speed")
    s3 = speed.get("cold_start_ms", "ours", model_store="s3", **about)
    image = speed.get("cold_start_ms", "ours", model_store="image", **about) if s3 else None
    fits = size_mib <= package_mb
    return Judgement(
        Verdict.CORRECTED if fits else Verdict.CONFIRMED,
        f"in 2020 a package of {package_mb:g} MB {'held' if fits else 'did not hold'} ResNet50's "
        f"{size_mib:.0f} MiB. Since December 2020 a container image of up to {image_mb / 1024:g} "
        "GB holds it and all packages"
        + (
            f"; ours then starts here in {image.value:.0f} ms instead of {s3.value:.0f} from S3 "
            f"(medians of {image.samples}, at 1,769 MB)"
            if image and s3
            else ""
        ),
        COMPUTED,
    )


@RULES.add(
    "3.1",
    "The photo goes to S3 because of Lambda's limits",
    turned_by="a limit of requests below the benches' photo of 12 megapixels in base64",
    command="python -m lab bench one-call",
)
def _photo(results: RecordSet) -> Judgement:
    kept = results.kept("one-call")
    uploaded, in_call = (kept.require("wait_ms", name) for name in ("uploaded", "in the call"))
    sent_mb = in_call.conditions["photo_bytes"] / 1e6
    photo_mb = results.value("photo_mb", megapixels=PHONE_MEGAPIXELS)
    limit_mb = results.value("request_mb", AWS)
    fits = photo_mb * 4 / 3 < limit_mb
    return Judgement(
        Verdict.CORRECTED if fits else Verdict.CONFIRMED,
        f"a request may have {limit_mb:g} MB, {limit_mb * 3 / 4:g} MB of a photo in base64; larger "
        "ones, and those that are kept, need S3. The benches' photo of "
        f"{PHONE_MEGAPIXELS} megapixels has {photo_mb:.1f} MB and "
        f"{'fits' if fits else 'does not fit'}; a phone's has more where it has more detail. One "
        f"of {sent_mb:.1f} MB that is sent with the request is answered here in "
        f"{in_call.value:.0f} ms instead of {uploaded.value:.0f} (medians of {in_call.samples}; a "
        "link of 50 ms and 10 Mbit/s, imitated)",
        MEASURED,
    )


@RULES.add(
    "Table 4",
    "The address is https://<api id>.execute-api.<region>.amazonaws.com/classification",
    turned_by="REST APIs whose addresses have no stage",
)
def _address(results: RecordSet) -> Judgement:
    printed, aws = (results.value("url_path_segments", name) for name in (PAPERS, AWS))
    return Judgement(
        Verdict.CONFIRMED if printed == aws else Verdict.CORRECTED,
        "the address of a REST API has the name of its stage before the resource: "
        "`/prod/classification`"
        if aws > printed
        else "that is the form that AWS documents",
        QUOTED,
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


def _augmented(records: Sequence[Record]) -> list[Record]:
    return [each for each in records if each.conditions.get("augment")]


def _imagenets(records: Sequence[Record]) -> Sequence[Record]:
    """Return the networks that started where the paper's did, if there are some."""
    return [each for each in records if not started_elsewhere(each.conditions)] or records


def _imagenet_first(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: started_elsewhere(record.conditions))


def _right(records: Sequence[Record]) -> str:
    return f"{statistics.fmean(each.value for each in records):.1f} %"


def _interval_of(record: Record, photos: float) -> Interval:
    """Return the interval of the share of right answers."""
    return shares.interval(record.value / 100, int(photos))


def _on_real_photos(
    results: RecordSet,
    more: tuple[str, Sequence[Record]],
    less: tuple[str, Sequence[Record]],
    *,
    yes: Verdict = Verdict.CONFIRMED,
    no: Verdict = Verdict.REFUTED,
) -> Judgement:
    """Judge whether the best of some networks, each with a name, is better than that of others."""
    photos = results.kept(_REAL).value("test_photos")
    (what, best), (other, rest) = (
        (name, max(_imagenets(records), key=lambda record: record.value))
        for name, records in (more, less)
    )
    one, two = _interval_of(best, photos), _interval_of(rest, photos)
    verdict, start = decided(above(one, two), yes=yes, no=no), ""
    if any(started_elsewhere(each.conditions) for each in (best, rest)):
        verdict = Verdict.NOT_COMPARABLE
        start = ". The network had learned from a teacher here, and not on ImageNet"
    return Judgement(
        verdict,
        f"on {photos:,.0f} real photos of groceries {best.name}, {what}, is right on "
        f"{best.value:.1f} % ({100 * one[0]:.1f} to {100 * one[1]:.1f}), {rest.name}, {other}, on "
        f"{rest.value:.1f} % ({100 * two[0]:.1f} to {100 * two[1]:.1f}){start}",
        MEASURED,
    )
