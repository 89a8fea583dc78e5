"""Commands to pretend devices: read with care, carried out by the device that has the channel."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message import Peer
from sip.simulator.profile import DeviceProfile
from vms.errors import ConfigError
from vms.simulation.box import SimulatedBox
from vms.simulation.mine import MineBox, build_mines
from vms.simulation.script import Command, carry_out, follow_script, parse_command, read_script

MINES = build_mines(2, 3)
CODE = MINES[1].channels[0].code


def box(mine: MineBox) -> SimulatedBox:
    profile = DeviceProfile(
        device_id=mine.device_id,
        password="x",
        server_id="14040000002000000001",
        domain="1404000000",
        server=Peer("udp", "127.0.0.1", 5060),
        channels=mine.channels,
    )
    return SimulatedBox(profile, lambda _: None)


def boxes() -> dict[str, SimulatedBox]:
    return {mine.device_id: box(mine) for mine in MINES}


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", None),
        ("  # nothing", None),
        (f"OFF {CODE}  # belt", Command("off", CODE)),
        (f"add {CODE} 新 摄像机", Command("add", CODE, ("新", "摄像机"))),
        (f"alarm {CODE} 5 6 1", Command("alarm", CODE, ("5", "6", "1"))),
        (f"move {CODE} 112.5 -36", Command("move", CODE, place=(112.5, -36.0))),
        ("wait 1.5", Command("wait", seconds=1.5)),
    ],
)
def test_a_line_is_a_command(line: str, command: Command | None) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    ["explode", "off", "off 12", f"off {CODE} now", f"move {CODE} here there", "wait soon",
     f"move {CODE} nan 1", f"alarm {CODE}"],
)  # fmt: skip
def test_a_wrong_line_says_what_would_do(line: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse_command(line)
    assert told.value.reason


@given(st.text(max_size=80))
def test_any_line_is_a_command_or_a_clear_error(line: str) -> None:
    try:
        parse_command(line)
    except ConfigError as error:
        assert error.reason


def test_a_file_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "changes.txt"
    file.write_text(f"off {CODE}\n\nbang\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 3"):
        read_script(file)
    file.write_text(f"off {CODE}\nwait 0\non {CODE}\n", encoding="utf-8")
    assert [command.word for command in read_script(file)] == ["off", "wait", "on"]
    with pytest.raises(ConfigError):
        read_script(tmp_path / "none.txt")


async def test_the_device_that_has_the_channel_obeys() -> None:
    running = boxes()
    first, second = running.values()
    carry_out(Command("del", CODE), running)
    assert not second.device.reports.has(CODE)
    carry_out(Command("add", CODE, ("again",)), running)
    assert second.device.reports.has(CODE)
    assert not first.device.reports.has(CODE)
    carry_out(Command("off", "1" * 20), running)  # told in the log, nothing else


async def test_a_script_is_carried_out_in_order() -> None:
    running = boxes()
    lines = [f"alarm {CODE} 2 1", "wait 0", f"alarm {CODE} 2 1", f"move {CODE} 1 2", f"del {CODE}"]
    commands = tuple(command for line in lines if (command := parse_command(line)))
    async with asyncio.timeout(60):
        await follow_script(commands, running)
    assert not any(each.device.reports.has(CODE) for each in running.values())
