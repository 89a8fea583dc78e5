"""SIPp as an upper platform: it challenges us, checks our digest, invites a channel, hangs up."""

import asyncio
import contextlib
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sip.roles.upward.terms import Uplink, UpperAcked, UpperCallEnded, UpperInvited
from tests.ports import free_port
from tests.sip.interop.peers import HOST, SERVER_ID, Errors, make_server
from tests.sip.interop.sipp import Sipp, run_sipp

SCENARIO = Path(__file__).parents[2] / "data" / "sipp" / "upper_call.xml"
UPPER_ID = "34000000002000000001"
CAMERA = "34020000001320000001"
PASSWORD = "go-up-12345"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_stranger_above_registers_us_and_has_its_call(
    errors: Errors, tmp_path: Path, transport: str
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(make_server())
        names = {
            "home": f"{HOST}:{server.port}", "lower": SERVER_ID, "upper": UPPER_ID,
            "channel": CAMERA, "password": PASSWORD,
        }  # fmt: skip
        options = [text for name, value in names.items() for text in ("-key", name, value)]
        sipp = await stack.enter_async_context(
            run_sipp(SCENARIO, tmp_path, transport, *options, port=port)
        )
        uplink = Uplink(
            platform_id=UPPER_ID, domain=UPPER_ID[:10], host=HOST, port=port, own_id=SERVER_ID,
            transport="tcp" if transport == "tcp" else "udp", password=PASSWORD,
            keepalive_interval_s=600.0, retry_s=1.0,
        )  # fmt: skip
        await _listening(transport, port)
        server.uplinks.set(uplink)
        told = await _answer_one_call(server, sipp)
        assert await sipp.result() == (0, "")
        server.uplinks.remove(UPPER_ID)
    invited, acked, ended = told
    assert (invited.channel_id, invited.kind, invited.ssrc) == (CAMERA, "live", 77)
    assert (acked.host, acked.port, acked.transport) == (HOST, 41000, "tcp-passive")
    assert ended.reason == "bye"


async def _answer_one_call(server, sipp: Sipp) -> list:
    """Say yes to what is asked; return what was told of the call."""
    told = []
    async with asyncio.timeout(60):
        async for event in server.uplinks.events():
            if isinstance(event, UpperInvited):
                server.uplinks.accept(event.call_id, HOST, 9, event.ssrc)
            if isinstance(event, UpperInvited | UpperAcked | UpperCallEnded):
                told.append(event)
            if isinstance(event, UpperCallEnded):
                return told
    raise AssertionError(sipp.complaints)


async def _listening(transport: str, port: int) -> None:
    """Wait until SIPp has its socket: over TCP a refused connection would cost a retry."""
    while transport == "tcp":
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            return
        await asyncio.sleep(0.05)
