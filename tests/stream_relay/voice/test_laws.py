"""Mu-law for the devices that know nothing else."""

import asyncio
import socket

import numpy as np

from stream_relay.sources.ports import PortPool
from stream_relay.voice.ear import LINEAR
from stream_relay.voice.laws import MU_OF_A, mu_law
from stream_relay.voice.sender import VoiceSender, VoiceTarget
from stream_relay.voice.studio import encode
from tests.stream_relay.voice.tones import sine

LOCAL = "127.0.0.1"


def decode_mu(code: int) -> int:
    """As ITU-T G.711 table 2 reads it."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def test_every_a_law_code_keeps_its_sound():
    for code in range(256):
        linear = int(LINEAR[code])
        step = max(abs(linear) / 16, 16)
        assert abs(decode_mu(MU_OF_A[code]) - linear) <= step, code


def test_silence_is_silence_in_both_laws():
    silence = encode(np.zeros(160, np.int16))
    assert {abs(decode_mu(code)) for code in mu_law(silence)} <= {0, 8}


async def test_a_sender_to_such_a_device_sends_mu_law():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind((LOCAL, 0))
        device.settimeout(60)
        target = VoiceTarget(
            LOCAL, device.getsockname()[1], "udp", LOCAL, 0, is_mu_law=True, packet_ms=20
        )
        sender = VoiceSender(target, PortPool(range(0), 0), LOCAL)
        sender.open()
        await sender.start(7)
        sound = encode(sine(440, 0.02))
        sender.push(sound)
        packet = await asyncio.to_thread(device.recv, 2000)
        sender.close()
    assert packet[1] & 0x7F == 0
    assert packet[12:] == mu_law(sound) != sound
