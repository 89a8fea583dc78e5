"""The oracle all of these tests share: nobody else may notice what one peer does."""

import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from sip.events import DeviceDisconnected, DeviceExpired, DeviceUnregistered
from tests.sip.interop.peers import WITNESS, Errors, Scene, connected, log_in, make_server, status


@pytest.fixture
def errors():
    """Whatever is logged as an error while a test runs; there must be nothing."""
    handler = Errors()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
    assert handler.records == []


@contextlib.asynccontextmanager
async def watch(**config) -> AsyncIterator[Scene]:
    """A server with a witness, judged at the end."""
    async with make_server(**config) as server, connected(server, "udp") as witness:
        assert status(await log_in(witness)) == 200
        scene = Scene(server, witness)
        yield scene
        assert await scene.is_unharmed()
        gone = await scene.heard(DeviceUnregistered | DeviceExpired | DeviceDisconnected)
        assert WITNESS not in {event.device_id for event in gone}
        assert scene.counted("escaped_errors") == 0


@pytest.fixture
async def scene(errors: Errors) -> AsyncIterator[Scene]:
    """The usual server; it waits for further packets of a catalog but a moment."""
    async with watch(catalog_pause_s=0.3, query_timeout_s=60.0) as scene:
        yield scene


@pytest.fixture
def server_settings() -> dict[str, object]:
    """What a test wants of its server beside the usual."""
    return {}


@pytest.fixture
async def patient_scene(errors: Errors, server_settings: dict[str, object]) -> AsyncIterator[Scene]:
    """A server that waits long for the rest of a catalog, however busy the machine is."""
    async with watch(catalog_pause_s=60.0, **server_settings) as scene:
        yield scene
