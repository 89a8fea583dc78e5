"""A bad network end to end: what comes out was sent so, and loss is counted (threats case 22)."""

import random

import pytest

from stream_relay.access_unit import AccessUnit, Kind
from stream_relay.formats import parse_packet
from stream_relay.packetizer import FaultyPath, MediaFaults, Packetizer
from tests.stream_relay.formats.clips import TWINS, Clip, module

FAULTS = [
    MediaFaults(loss=0.001),
    MediaFaults(loss=0.05),
    MediaFaults(reorder=0.1),
    MediaFaults(duplicate=0.1),
    MediaFaults(loss=0.02, reorder=0.1, duplicate=0.05),
]


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("faults", FAULTS, ids=str)
@pytest.mark.parametrize("name", ["h264", "h265", "large"])
def test_only_whole_pictures_come_out_and_each_gap_ends_with_a_key(
    kind: str, faults: MediaFaults, name: str, request: pytest.FixtureRequest
) -> None:
    clip: Clip = request.getfixturevalue(name)
    packetizer = Packetizer(1, clip.codec, None, first_sequence=65000)
    path = FaultyPath(faults, random.Random(11))
    buffer = module("jitter", kind).ReorderBuffer(window=32, max_wait_s=0.1)
    demuxer = module("ps", kind).PsDemuxer()
    sent = [packet for unit in clip.units for packet in packetizer.packets(unit)]
    out: list[AccessUnit] = []
    now = 0.0
    for data in path.passed(sent):
        now += 0.001
        for packet in buffer.push(parse_packet(data), now):
            if packet.lost_before:
                demuxer.lost()
            out += demuxer.push(packet.payload, packet.timestamp, packet.marker)
    positions = [clip.data.index(unit.data) for unit in out]
    assert positions == sorted(set(positions))
    for before, after, unit in zip([-1, *positions], positions, out, strict=False):
        assert after == before + 1 or unit.is_key
    assert {unit.track for unit in out} <= {Kind.VIDEO}
    # Packets that are lost or late at the very end are not missed by anybody.
    if faults.loss:
        assert path.lost - 3 <= buffer.statistics.lost <= path.lost
    else:
        assert positions == list(range(positions[0], positions[-1] + 1))
        assert positions[-1] >= len(clip.units) - 5
        assert buffer.statistics.lost == 0
