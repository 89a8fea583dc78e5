"""What a receiver can tell of its port, with a real relay and real sockets."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stream_relay.access_unit import Codec
from stream_relay.evidence import Container, SourceEvidence, is_even, strangers
from stream_relay.packetizer import MediaFaults, Packetizer
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay, RelayConfig
from tests.ports import free_ports
from tests.stream_relay.media import SSRC, Clock, pictures, udp_socket
from tests.vms.bench import eventually

HOST, ELSEWHERE = "127.0.0.1", "127.0.0.2"
OTHER = SSRC ^ 0x01010101


@asynccontextmanager
async def opened(
    transport: Transport = "udp", *, check: bool = False, shared_port: int = 0
) -> AsyncIterator[Receiver]:
    config = RelayConfig(
        host=HOST, ports=range(0), shared_port=shared_port, connect_pause_s=0.01
    )  # fmt: skip
    async with Relay(config, Clock().wall) as relay:
        receiver = await relay.open_receiver(
            "one", transport, SSRC, ssrc_check=check, signalling_host=HOST
        )
        yield receiver
        await receiver.close()


def camera(ssrc: int = SSRC, **faults: Any) -> list[bytes]:
    source = Packetizer(ssrc, Codec.H264, None, quirks=MediaFaults(**faults))
    return [packet for unit in pictures(30) for packet in source.packets(unit)]


async def until(
    receiver: Receiver, holds: Callable[[SourceEvidence], object], packets: Sequence[bytes] = ()
) -> SourceEvidence:
    """Send until it is as wanted: a datagram may be lost on a busy machine."""
    with udp_socket() as sock:

        def try_once() -> bool:
            for packet in packets:
                sock.sendto(packet, (HOST, receiver.port))
            return bool(holds(receiver.evidence()))

        await eventually(try_once)
    return receiver.evidence()


async def test_before_anything_comes_nothing_is_known() -> None:
    async with opened() as receiver:
        assert receiver.evidence() == SourceEvidence()


async def test_a_camera_by_the_book_is_seen_and_stays_known_after_the_end() -> None:
    async with opened() as receiver:
        seen = await until(receiver, lambda e: e.pictures > 5 and e.first_packet_s, camera())
        assert (seen.container, seen.has_map, seen.ssrc) == (Container.PROGRAM, True, SSRC)
        assert seen.source is not None and seen.source[0] == HOST
        assert seen.begins.startswith("00 00 01 ba") and not seen.refused
    assert receiver.evidence().pictures >= seen.pictures


async def test_who_is_refused_is_named_with_the_ssrc_it_sends() -> None:
    async with opened(check=True) as receiver:
        seen = await until(receiver, lambda e: e.refused, camera(OTHER))
    [stranger] = seen.refused
    assert (stranger.host, stranger.ssrc, seen.packets) == (HOST, OTHER, 0)
    assert stranger.packets > 0 and seen.ssrc is None


async def test_bytes_that_are_no_rtp_are_counted_and_their_sender_is_named() -> None:
    async with opened() as receiver:
        seen = await until(receiver, lambda e: e.refused, [b"HELLO, this is no RTP"])
    assert seen.malformed > 0 and seen.refused[0].ssrc is None


@pytest.mark.parametrize(
    ("faults", "container"),
    [({"as_ts": True}, Container.TRANSPORT), ({"as_es": True}, Container.VIDEO)],
)
async def test_what_is_sent_instead_of_a_program_stream_is_told(
    faults: dict[str, Any], container: Container
) -> None:
    async with opened() as receiver:
        seen = await until(receiver, lambda e: e.pictures > 2, camera(**faults))
    assert seen.container is container and seen.packs is None


async def test_noise_and_filling_are_told_apart() -> None:
    noise = random.Random(7).randbytes(1400)
    assert is_even(noise) and not is_even(b"\xff" * 1400) and not is_even(noise[:200])
    assert not is_even((b"the quick brown fox " * 100)[:1400])


async def test_connections_are_counted_whoever_makes_them() -> None:
    async with opened("tcp-passive") as receiver:
        with socket.create_connection((HOST, receiver.port)):
            seen = await until(receiver, lambda e: e.connections == 1)
    assert (seen.packets, seen.attempts) == (0, 0)


async def test_a_connection_that_is_refused_is_told_so() -> None:
    with socket.socket() as silent:
        silent.bind((HOST, 0))
        async with opened("tcp-active") as receiver:
            receiver.answered(HOST, silent.getsockname()[1], SSRC)
            seen = await until(receiver, lambda e: e.attempts == 3)
    assert (seen.connections, seen.connect_fault) == (0, "refused")


async def test_the_shared_port_names_what_nobody_expects() -> None:
    async with opened(shared_port=free_ports(2)[0]) as receiver:
        assert receiver.evidence().strays == ()
        seen = await until(receiver, lambda e: e.strays, camera(OTHER))
        assert (seen.strays[0].host, seen.strays[0].ssrc) == (HOST, OTHER)
        assert (await until(receiver, lambda e: e.pictures > 2, camera())).ssrc == SSRC


async def test_packets_of_another_host_are_not_said_to_be_this_stream_s() -> None:
    async with opened(shared_port=free_ports(2)[0]) as receiver:
        with udp_socket(ELSEWHERE) as sock:
            for packet in camera(OTHER):
                sock.sendto(packet, (HOST, receiver.port))
            await asyncio.sleep(0.05)
        assert receiver.evidence().strays == ()


def test_only_the_loudest_strangers_are_named() -> None:
    found = strangers([(("10.0.0.1", n), n, n) for n in range(1, 60)])
    assert len(found) == 8 and found[0].packets == 59
