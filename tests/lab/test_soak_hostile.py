"""Hostile photos in the soak test: their draw, their answers, and instances that are lost."""

import json
import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from lab.bench.soak.hostile import ANSWERS_FILE, Draw, Mix, Photo, Tally, coding_of, read_photos
from lab.bench.soak.limits import problems
from lab.bench.soak.lost import LostInstances
from lab.load import UNREACHED, Response, Timed
from tests.hostile.formats import jpeg_of_coding
from tests.hostile.images import CODING, HOSTILE, OK, SLOW
from tests.hostile.seeds import seeds
from tests.hostile.traffic import write_traffic
from warmlens.errors import WarmlensError
from warmlens.local.capped_log import CappedLog
from warmlens.records import Record


def photo(name: str = "a", *answers: str, size: int = 10) -> Photo:
    return Photo(name=name, coding="PNG", answers=frozenset(answers or (OK,)), data=bytes(size))


def answered(status: int, code: str | None = None) -> Timed[Response]:
    return Timed(0, 10, Response(status, {"error": {"code": code}} if code else {}))


PHOTOS = tuple(photo(str(number)) for number in range(7))


def test_the_mix_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    mix = Mix(PHOTOS, 0.3, 5)
    assert mix.draws("steady", 500) == Mix(PHOTOS, 0.3, 5).draws("steady", 500)
    assert mix.draws("steady", 500) != mix.draws("step", 500)
    assert mix.draws("steady", 500) != Mix(PHOTOS, 0.3, 6).draws("steady", 500)


def test_the_share_of_the_calls_is_hostile_of_all_photos_in_both_ways() -> None:
    draws = Mix(PHOTOS, 0.3, 5).draws("steady", 5_000)
    hostile = [each for each in draws if each]
    assert len(hostile) / len(draws) == pytest.approx(0.3, abs=0.03)
    assert len(Counter(each.photo.name for each in hostile)) == len(PHOTOS)
    sent = sum(each.in_request for each in hostile)
    assert sent / len(hostile) == pytest.approx(0.5, abs=0.05)


def test_large_photos_are_read_from_the_bucket_and_a_load_without_photos_has_none() -> None:
    large = Mix((photo(size=5 * 2**20),), 1.0, 1).draws("steady", 50)
    assert [each and each.in_request for each in large] == [False] * 50
    assert Mix().draws("steady", 50) == [None] * 50


@pytest.mark.parametrize(
    ("answers", "call", "wrong"),
    [
        ((OK,), answered(200), []),
        ((OK,), answered(422, SLOW), []),  # by a limit, on a busy machine
        ((OK,), answered(429), []),
        ((CODING,), answered(415, CODING), []),
        ((CODING,), answered(200), ["a: ok"]),
        ((OK,), answered(415, CODING), [f"a: {CODING}"]),
        ((SLOW,), answered(502, SLOW), [f"a: 502 {SLOW}"]),
        ((OK,), answered(502), ["a: 502"]),
        ((OK,), answered(UNREACHED), ["a: no answer"]),
    ],
)
def test_only_the_allowed_answers_to_a_photo_are_right(
    answers: tuple[str, ...], call: Timed[Response], wrong: list[str]
) -> None:
    found = Tally().add([(Draw(photo("a", *answers), in_request=False), call)])
    assert found == {"count": len(wrong), "first": wrong}


def record(name: str, metric: str, value: float, **conditions: object) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit="1",
        kind="measured",
        conditions=conditions,
        command="",
        machine="",
        date="",
    )


def test_a_wrong_answer_and_a_lost_instance_break_the_limits() -> None:
    records = [
        record("steady", "hostile_wrong", 1, first=["a: 502"]),
        record("whole", "lost_instances", 2),
    ]
    assert problems(records) == [
        "steady: hostile_wrong is 1, allowed is 0 (a: 502)",
        "whole: lost_instances is 2, allowed is 0",
    ]


LOST = (
    "[0000000a] REPORT RequestId: 4d\tDuration: 8.64 ms\tStatus: error\tError Type: "
    "Runtime.ExitError",
    "[0000000b] Instance ended while idle: Runtime exited with error: signal: killed",
    "[0000000c] 2026-11-30T11:00:00.000Z 4d Task timed out after 10.00 seconds",
    "[0000000d] INIT_REPORT Init Duration: 9.5 ms\tPhase: init\tStatus: timeout",
)
SOUND = (
    "[0000000e] REPORT RequestId: 4d\tDuration: 48.43 ms\tMemory Size: 1769 MB",
    "[0000000f] Instance ended while idle: idle for too long",
)


def test_lost_instances_are_counted_beyond_a_log_that_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "instances.log"
    log = CappedLog(path, warn=print, max_bytes=250)
    log.write("[00000000] Instance ended while idle: Runtime exited")  # before the load
    with closing(log), closing(LostInstances(path)) as lost:
        for line in (*LOST[:2], *SOUND, *LOST[2:]):
            log.write(line)
            lost.look()
    assert lost.ids == {f"0000000{each}" for each in "abcd"}
    assert path.with_name("instances.log.1").exists()


def test_a_look_between_a_log_and_the_next_one_finds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "instances.log"
    path.write_text("")
    with closing(LostInstances(path)) as lost:
        path.write_text(f"{LOST[0]}\n")
        path.replace(path.with_name("instances.log.1"))
        lost.look()
        assert lost.ids == {"0000000a"}
        path.write_text(f"{LOST[1]}\n")
        lost.look()
    assert lost.ids == {"0000000a", "0000000b"}


def test_the_coding_is_read_from_the_first_bytes() -> None:
    kinds = {name: coding_of(data) for name, data in seeds().items()}
    assert (kinds["jpeg"], kinds["jpeg-progressive"]) == ("JPEG", "JPEG")
    assert {kinds[f"jpeg-sof-{marker}"] for marker in ("c3", "c9", "ca")} == {
        "JPEG in a rare coding"
    }
    assert (kinds["png-16"], kinds["gif"], kinds["webp-lossless"]) == ("PNG", "GIF", "WebP")
    assert coding_of(random.Random(1).randbytes(50)) == "other"


def test_the_traffic_has_the_hostile_photos_damaged_ones_and_garbage(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x.jpg").write_bytes(jpeg_of_coding(0xC9, 9, 9))
    write_traffic(tmp_path / "all", [tmp_path / "more"])
    photos = read_photos(tmp_path / "all")
    names = {each.name for each in photos}
    assert names >= {*HOSTILE, "more-x.jpg"}
    kinds = Counter(each.partition("-")[0] for each in names)
    assert min(kinds[each] for each in ("seed", "damaged", "cut", "garbage")) >= 10
    assert {each.coding for each in photos} == {
        *("JPEG", "JPEG in a rare coding", "PNG", "GIF", "WebP", "other")
    }


@pytest.mark.parametrize("answers", [None, "no JSON", json.dumps({"missing.jpg": ["ok"]})])
def test_a_folder_without_hostile_photos_is_refused(tmp_path: Path, answers: str | None) -> None:
    if answers is not None:
        (tmp_path / ANSWERS_FILE).write_text(answers)
    with pytest.raises(WarmlensError, match=r"answers\.json") as refused:
        read_photos(tmp_path)
    assert refused.value.code == "not_found"
