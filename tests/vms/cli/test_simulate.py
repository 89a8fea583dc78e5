"""`vms simulate`: its options, and how it lets its boxes in."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from channel_registry.queries import devices as queries
from vms.cli import simulate
from vms.cli.workbench import open_workbench
from vms.config import Config, load
from vms.errors import ConfigError
from vms.simulation.fleet import fleet_ids, fleet_name
from vms.simulation.mine import build_mines

MINES = build_mines(2, 3)


def parsed(*words: str) -> Namespace:
    parser = ArgumentParser()
    simulate.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(None, {"data": tmp_path})


def test_the_options_of_the_readme_are_taken(tmp_path: Path) -> None:
    clip = tmp_path / "belt.mp4"
    clip.touch()
    words = ["--provision", "--boxes", "3", "--channels", "40", "--transport", "tcp"]
    words += ["--local-host", "127.0.0.2"]
    simulate.check(parsed(*words, "--clip", str(clip), "--codec", "h265", "--fault", "loss=0.1"))
    simulate.check(parsed("--provision", "--vendor", "hikvision", "--fault", "no_prolog"))


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--provision", "--boxes", "0"], "--boxes"),
        (["--provision", "--channels", "-1"], "--channels"),
        (["--provision", "--clip", "missing.mp4"], "--clip"),
        (["--provision", "--fault", "nonsense"], "--fault"),
        ([], "--password"),
        (["--provision", "--fleet", "0"], "--fleet"),
        (["--provision", "--fleet", "10000", "--channels", "1000"], "--channels"),
        (["--provision", "--fleet", "10", "--transport", "tcp"], "--transport"),
        (["--provision", "--fleet", "10", "--vendor", "dahua"], "--vendor"),
    ],
)
def test_an_option_that_cannot_work_says_what_would(words: list[str], key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        simulate.check(parsed(*words))
    assert raised.value.key == key
    assert raised.value.example


async def test_a_fleet_is_let_in_with_one_password_again_and_again(config: Config) -> None:
    named = {device_id: fleet_name(device_id) for device_id in fleet_ids(300)}
    async with open_workbench(config) as bench:
        first = await simulate.let_in_fleet(bench, named, "")
        second = await simulate.let_in_fleet(bench, named, "beacon-12345")
        assert first.keys() == second.keys() == named.keys()
        assert len(set(first.values())) == 1
        devices = await bench.store.run(queries.list_devices, q="模拟设备", size=500)
        assert devices.total == 300
        stored = await bench.store.run(queries.device_credential, devices.items[-1].id)
        assert stored is not None
        assert stored.secret is not None
        assert bench.secrets.decrypt(stored.secret) == "beacon-12345"


async def test_boxes_are_let_in_with_passwords_of_their_own(config: Config) -> None:
    async with open_workbench(config) as bench:
        passwords = await simulate.provision(bench, MINES, "")
        assert len(set(passwords.values())) == 2
        for mine in MINES:
            device = await bench.store.run(queries.get_device, mine.device_id)
            stored = await bench.store.run(queries.device_credential, mine.device_id)
            assert (device.name, stored.username) == (mine.name, None)
            assert bench.secrets.decrypt(stored.secret) == passwords[mine.device_id]


async def test_a_second_start_meets_the_same_passwords(config: Config) -> None:
    async with open_workbench(config) as bench:
        first = await simulate.provision(bench, MINES, "")
        assert await simulate.provision(bench, MINES, "") == first


async def test_a_given_password_replaces_the_stored_one(config: Config) -> None:
    async with open_workbench(config) as bench:
        await simulate.provision(bench, MINES, "")
        passwords = await simulate.provision(bench, MINES, "beacon-12345")
        assert set(passwords.values()) == {"beacon-12345"}
        stored = await bench.store.run(queries.device_credential, MINES[0].device_id)
        assert bench.secrets.decrypt(stored.secret) == "beacon-12345"
