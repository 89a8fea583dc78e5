from datetime import timedelta

import pytest

from tests.vms.bench import CHANNEL, DEVICE, T0, HandClock, binding
from vms.records import SpanState, SubjectKind
from vms.services.offline import SpanService
from vms.services.presence import device_came, device_left
from vms.services.store import Store
from vms.storage.records import SpanCause


@pytest.fixture
def spans(mine: Store, clock: HandClock) -> SpanService:
    return SpanService(mine, clock)


async def test_spans_of_a_subject_never_overlap_and_leave_no_gap(
    spans: SpanService, mine: Store
) -> None:
    for step in range(1, 6):
        at = T0 + timedelta(minutes=step)
        if step % 2:
            await mine.run(device_left, DEVICE, at, SpanCause.KEEPALIVE_LOST, registered=True)
        else:
            await mine.run(device_came, binding(), at, SpanCause.RETURNED)
    for subject in (DEVICE, CHANNEL):
        found = sorted(await spans.spans(subject=subject), key=lambda span: span.started_at)
        assert len(found) == 6
        for earlier, later in zip(found, found[1:], strict=False):
            assert earlier.ended_at == later.started_at
            assert earlier.state is not later.state
        assert found[-1].ended_at is None


async def test_time_in_which_the_platform_was_down_is_unknown(
    spans: SpanService, clock: HandClock
) -> None:
    clock.turn(60)
    await spans.end()
    stopped = clock.wall()
    clock.turn(600)
    assert await spans.begin() == 3
    (latest, before) = await spans.spans(subject=DEVICE, kind=SubjectKind.DEVICE)
    assert (latest.state, latest.cause) == (SpanState.UNKNOWN, SpanCause.PLATFORM_DOWN)
    assert before.ended_at == latest.started_at == stopped


async def test_spans_are_found_by_time(spans: SpanService) -> None:
    assert await spans.spans(end=T0 - timedelta(seconds=1)) == ()
    assert len(await spans.spans(start=T0, limit=2)) == 2
