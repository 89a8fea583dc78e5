"""The whole application in this process, on free ports of the loopback interface."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports
from vms.app import Started, run_app
from vms.config import Config, load

PASSWORD = "Beacon-Tower-2026"
Launch = Callable[..., AbstractAsyncContextManager[Started]]


def free_media_ports() -> str:
    """A range of 40 ports that are free now."""
    ports = free_ports(40)
    return f"{ports[0]}-{ports[-1]}"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    monkeypatch.chdir(tmp_path)

    def make(**changes: dict[str, Any]) -> Config:
        values: dict[str, Any] = {
            "data": tmp_path / "data",
            "admin_password": PASSWORD,
            "sip": {"host": "127.0.0.1", "port": 0, "advertised_host": "127.0.0.1"},
            "http": {"host": "127.0.0.1", "port": 0},
            "media": {"host": "127.0.0.1", "ports": free_media_ports(), "linger_s": 0.2},
            "storage": {"reserve_bytes": 0},
        }
        for section, change in changes.items():
            values[section] = values[section] | change if isinstance(change, dict) else change
        return load(overrides=values)

    return make


@pytest.fixture
def launch(config: Callable[..., Config]) -> Launch:
    @asynccontextmanager
    async def running(**changes: dict[str, Any]) -> AsyncIterator[Started]:
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        logging.getLogger("peewee").setLevel(logging.WARNING)
        async with asyncio.TaskGroup() as group:
            group.create_task(run_app(config(**changes), stop, ready.set_result))
            async with asyncio.timeout(90):
                started = await ready
            try:
                yield started
            finally:
                stop.set()

    return running
