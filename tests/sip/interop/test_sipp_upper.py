"""SIPp as the upper platform at which we register: its own SIP, its own check of our digest."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from sip.roles.upward.terms import Uplink, UplinkState
from tests.ports import free_port
from tests.sip.interop.peers import HOST, SERVER_ID, make_server
from tests.sip.interop.sipp import LONGEST_S, Sipp
from tests.sip.interop.test_sipp import SCENARIOS

UPPER_ID = "34000000002000000001"
PASSWORD = "go-up-12345"
KEEPALIVES = 3
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
OFFERS = pytest.mark.parametrize("offer", ["", ', algorithm=MD5, qop="auth"'])


@contextlib.asynccontextmanager
async def upper(folder: Path, transport: str, port: int, *, calls: int, offer: str = ""):
    """SIPp that takes so many calls: a registration is one, each keepalive another."""
    process = await asyncio.create_subprocess_exec(
        "sipp", "-sf", str(SCENARIOS / "upper.xml"),
        "-t", "u1" if transport == "udp" else "t1", "-i", HOST, "-p", str(port),
        "-key", "realm", UPPER_ID[:10], "-key", "offer", offer,
        "-key", "own_id", SERVER_ID, "-key", "password", PASSWORD,
        "-m", str(calls), "-nostdin", "-timeout", f"{LONGEST_S}s", "-timeout_error",
        "-trace_err", "-error_file", str(folder / "complaints"),
        "-trace_msg", "-message_file", str(folder / "messages"), "-cp", str(free_port()),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"TERM": "dumb"},
    )  # fmt: skip
    sipp = Sipp(process, folder)
    try:
        yield sipp
    finally:
        await sipp.leave()


def uplink(port: int, transport: str, **changes) -> Uplink:
    values = {
        "platform_id": UPPER_ID,
        "domain": UPPER_ID[:10],
        "host": HOST,
        "port": port,
        "transport": transport,
        "own_id": SERVER_ID,
        "password": PASSWORD,
        "keepalive_interval_s": 0.5,
        "retry_s": 0.5,
        "longest_retry_s": 1.0,
    } | changes
    return Uplink(**values)


async def state_of(server, wanted: UplinkState, failure: str = ""):
    async with asyncio.timeout(LONGEST_S):
        async for event in server.uplinks.events():
            status = getattr(event, "status", None)
            if status is not None and (status.state, status.failure) == (wanted, failure):
                return status
    raise AssertionError("events ended")


@TRANSPORTS
@OFFERS
async def test_sipp_lets_us_in_and_hears_our_keepalives(tmp_path: Path, transport, offer):
    port = free_port()
    async with (
        make_server() as server,
        upper(tmp_path, transport, port, calls=1 + KEEPALIVES, offer=offer) as sipp,
    ):
        server.uplinks.set(uplink(port, transport))
        status = await state_of(server, UplinkState.REGISTERED)
        assert status.clock_offset_s is not None
        assert await sipp.result() == (0, "")
        assert sipp.has_said("<CmdType>Keepalive</CmdType>")
        assert sipp.has_said("nc=00000001") == bool(offer)


@TRANSPORTS
async def test_sipp_finds_a_wrong_password_and_is_not_hammered(tmp_path: Path, transport):
    port = free_port()
    async with make_server() as server, upper(tmp_path, transport, port, calls=1) as sipp:
        # Where SIPp does not listen yet, TCP is refused and tried again soon; a password is not.
        settings = {"password": "guess", "retry_s": 0.2, "longest_retry_s": 600.0}
        server.uplinks.set(uplink(port, transport, **settings))
        status = await state_of(server, UplinkState.WAITING, "wrong_password")
        assert status.status == 403
        assert await sipp.result() == (0, "")
        assert server.uplinks.status(UPPER_ID).state is UplinkState.WAITING
