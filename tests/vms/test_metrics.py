from vms.metrics import Kind, Sample, build_text


def test_samples_of_one_name_stand_below_one_head() -> None:
    text = build_text(
        [
            Sample("streams", Kind.GAUGE, "Streams.", 2),
            Sample("lost_total", Kind.COUNTER, "Lost.", 7, {"channel": "a"}),
            Sample("lost_total", Kind.COUNTER, "Lost.", 8, {"channel": "b"}),
        ]
    )
    assert text.splitlines() == [
        "# HELP vms_streams Streams.",
        "# TYPE vms_streams gauge",
        "vms_streams 2",
        "# HELP vms_lost_total Lost.",
        "# TYPE vms_lost_total counter",
        'vms_lost_total{channel="a"} 7',
        'vms_lost_total{channel="b"} 8',
    ]


def test_label_values_are_escaped() -> None:
    text = build_text([Sample("x", Kind.GAUGE, "X.", 1, {"name": 'a"b\\c\nd'})])
    assert 'name="a\\"b\\\\c\\nd"' in text


def test_large_counters_are_written_in_full() -> None:
    text = build_text([Sample("bytes_total", Kind.COUNTER, "B.", 123456789012)])
    assert "123456789012" in text
    assert "0.25" in build_text([Sample("x", Kind.GAUGE, "X.", 0.25)])
