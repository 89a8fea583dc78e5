from pathlib import Path

import pytest

from channel_registry.queries.devices import set_device_info
from sip.gb28181.quirks import COLUMNS, Quirk
from tests.vms.bench import DEVICE, OTHER_DEVICE
from vms.errors import Invalid
from vms.records import QuirkView
from vms.services.quirks import FILE, QuirkService
from vms.services.store import Store

ROW = QuirkView("acme", "", "", "", "playback_limit", "1", "our capture")


@pytest.fixture
async def quirks(mine: Store, tmp_path: Path) -> QuirkService:
    await mine.run(set_device_info, DEVICE, manufacturer="ACME", model="X1", firmware="V2.3")
    service = QuirkService(mine, tmp_path)
    await service.begin()
    return service


async def test_a_device_is_known_by_what_it_said_before_the_start(quirks: QuirkService) -> None:
    await quirks.replace([ROW])
    assert quirks.find(DEVICE).number(Quirk.PLAYBACK_LIMIT) == 1
    assert quirks.find(OTHER_DEVICE).number(Quirk.PLAYBACK_LIMIT) == 4


async def test_a_device_that_tells_its_make_is_known_from_then_on(quirks: QuirkService) -> None:
    await quirks.replace([ROW])
    quirks.note(OTHER_DEVICE, "Acme Ltd", "", "")
    assert quirks.find(OTHER_DEVICE).number(Quirk.PLAYBACK_LIMIT) == 1
    assert quirks.find("34020000001320000009", "acme/1").number(Quirk.PLAYBACK_LIMIT) == 1


async def test_own_rows_outlive_a_restart(
    quirks: QuirkService, mine: Store, tmp_path: Path
) -> None:
    await quirks.replace([ROW])
    again = QuirkService(mine, tmp_path)
    await again.begin()
    assert again.rows()[-1] == ROW
    assert all(row.builtin for row in again.rows()[:-1])


async def test_a_row_that_cannot_be_changes_nothing(quirks: QuirkService) -> None:
    await quirks.replace([ROW])
    with pytest.raises(Invalid) as caught:
        await quirks.replace([ROW, QuirkView("", "", "", "", "playback_limit", "many", "seen")])
    assert caught.value.field == "rows.1"
    assert quirks.rows()[-1] == ROW


async def test_bad_lines_of_the_file_are_told_and_the_others_hold(
    mine: Store, tmp_path: Path
) -> None:
    lines = [",".join(COLUMNS), "acme,,,,playback_limit,1,seen", "acme,,,,playback_limit,x,seen"]
    (tmp_path / FILE).write_text("\n".join(lines), encoding="utf-8")
    service = QuirkService(mine, tmp_path)
    await service.begin()
    assert [row.line for row in service.bad] == [3]
    assert service.find("x", "acme").number(Quirk.PLAYBACK_LIMIT) == 1
