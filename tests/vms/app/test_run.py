import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.ports import free_port
from tests.vms.app.conftest import PASSWORD, Launch
from vms.app import run_app
from vms.app.run import LONGEST_SOCKET_PATH, frames_socket
from vms.config import Config
from vms.errors import ConfigError


def open_files() -> set[str]:
    found = set()
    for entry in os.scandir("/proc/self/fd"):
        try:
            found.add(os.readlink(entry.path))
        except FileNotFoundError:
            continue
    return {name for name in found if not name.startswith(("/dev", "pipe:", "anon_inode"))}


async def test_start_and_stop_leave_no_task_port_thread_or_file(
    launch: Launch, tmp_path: Path
) -> None:
    tasks, files = asyncio.all_tasks(), open_files()
    threads = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}
    async with launch() as started:
        ports = (started.http_port, started.sip_port)
        assert len(asyncio.all_tasks()) > len(tasks) + 5
    assert asyncio.all_tasks() == tasks
    assert open_files() - files == set()
    left = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}
    assert left == threads
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    data = tmp_path / "data"
    names = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    assert names == {"secret.key", "vms.sqlite3", "vms.sqlite3.migrating"}


async def test_ready_when_announced_and_not_before(launch: Launch) -> None:
    async with launch() as started, ClientSession() as client:
        async with client.get(f"http://127.0.0.1:{started.http_port}/healthz") as answer:
            assert answer.status == 200


async def test_first_start_announces_a_generated_password_once(launch: Launch) -> None:
    async with launch(admin_password="") as first:
        password = first.admin_password
        assert len(password) >= 16
    async with launch(admin_password="") as second, ClientSession() as client:
        assert second.admin_password == ""
        credentials = {"username": "admin", "password": password}
        url = f"http://127.0.0.1:{second.http_port}/api/v1/session"
        async with client.post(url, json=credentials) as answer:
            assert answer.status == 200


async def test_given_password_is_not_announced(launch: Launch) -> None:
    async with launch() as started, ClientSession() as client:
        assert started.admin_password == ""
        url = f"http://127.0.0.1:{started.http_port}/api/v1/session"
        async with client.post(url, json={"username": "admin", "password": PASSWORD}) as answer:
            assert answer.status == 200


def first_error(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


@pytest.mark.parametrize("section", ["sip", "http"])
async def test_port_that_is_taken_stops_the_start_and_names_the_key(
    section: str, config: Callable[..., Config]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises((ConfigError, ExceptionGroup)) as stopped:
            await run_app(config(**{section: {"port": port}}), asyncio.Event(), print)
    error = first_error(stopped.value)
    assert isinstance(error, ConfigError)
    assert error.key == f"{section}.port"
    assert str(port) in error.reason
    assert str(port + 1) in error.example


async def test_shared_media_port_that_is_taken_names_its_key_and_an_even_port(
    config: Callable[..., Config],
) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises((ConfigError, ExceptionGroup)) as stopped:
            await run_app(config(media={"shared_port": port}), asyncio.Event(), print)
    error = first_error(stopped.value)
    assert isinstance(error, ConfigError)
    assert error.key == "media.shared_port"
    assert f"shared_port = {port + 2}" in error.example


async def test_database_that_cannot_be_opened_stops_the_start(
    config: Callable[..., Config], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "vms.sqlite3").write_bytes(b"this is not a database" * 100)
    with pytest.raises(ConfigError) as stopped:
        await run_app(config(), asyncio.Event(), print)
    assert stopped.value.key == "database_url"


async def test_data_folder_that_cannot_be_written_stops_the_start(
    config: Callable[..., Config], tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError) as stopped:
        await run_app(config(), asyncio.Event(), print)
    assert stopped.value.key == "data"


def test_socket_of_a_deep_data_folder_has_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    assert len(str(frames_socket(deep))) < LONGEST_SOCKET_PATH
    assert frames_socket(deep) != frames_socket(tmp_path / ("y" * 120))
    assert frames_socket(Path("/srv/vms")) == Path("/srv/vms/run/frames.sock")
