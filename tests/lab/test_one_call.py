"""The benchmark of a photo in the call beside an uploaded one, and its table."""

from lab.bench.one_call import IN_CALL, UPLOADED, measure_one_call, table


async def test_both_ways_take_turns_on_the_same_photo_and_each_ratio_is_to_the_upload() -> None:
    records = [each async for each in measure_one_call(visits=2, calls=3)]
    by_metric: dict[str, dict[str, float]] = {}
    for each in records:
        by_metric.setdefault(each.metric, {})[each.name] = each.value
        assert each.ratio_to == UPLOADED
        assert each.conditions["photo_bytes"] == 300_938
        assert (each.name == UPLOADED) <= (each.ratio == 1)
    assert [each.samples for each in records] == [2, 2, 2, 2, 3, 3, 3, 3]
    # The link alone: the photo takes 240 ms, and each way its round trips of 50 ms, which are one;
    # and two calls, the upload, its preflight and the handshakes.
    assert by_metric["wait_ms"][IN_CALL] > 240 + 50
    assert by_metric["wait_ms"][UPLOADED] > 240 + 6 * 50
    for way in (UPLOADED, IN_CALL):
        assert by_metric["duration_ms"][way] > by_metric["function_ms"][way] > 0
    text = table(records)
    assert "take 291 ms in both cases" in text
    assert text.count("\n| wait from tap to answer") == 2
    assert "| 0.5: " in text
    assert "| 1: " in text
