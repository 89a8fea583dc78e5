"""Text to sound by the speech engine of the system (espeak-ng); no text leaves the machine."""

import asyncio
import logging
import shutil

from stream_relay.errors import Unsupported
from stream_relay.voice.decode import decode_file
from stream_relay.voice.level import Samples
from vms.errors import Invalid, NotReady

logger = logging.getLogger(__name__)

ENGINE = "espeak-ng"
PACKAGE = "espeak-ng"
"""Debian's package of it."""
LONGEST_TEXT = 1000
WORDS_A_MINUTE = "150"
"""Slower than its usual 175: loudspeakers underground echo."""
LIMIT_S = 60.0
CHINESE, ENGLISH = "cmn", "en"
_FIRST_HAN, _LAST_HAN = "\u3400", "\u9fff"


def voice_of(text: str) -> str:
    """Mandarin for text with Chinese characters, else English."""
    return CHINESE if any(_FIRST_HAN <= each <= _LAST_HAN for each in text) else ENGLISH


async def speak(text: str, engine: str = ENGINE) -> Samples:
    """Say a text; raises NotReady(speech_engine_missing), Invalid(text)."""
    words = " ".join(text.split())
    if not words or len(words) > LONGEST_TEXT:
        raise Invalid("text", "too_long" if words else "too_short")
    program = shutil.which(engine)
    if program is None:
        raise NotReady(code="speech_engine_missing", package=PACKAGE)
    process = await asyncio.create_subprocess_exec(
        program,
        "--stdin",
        "--stdout",
        "-v",
        voice_of(words),
        "-s",
        WORDS_A_MINUTE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            sound, _ = await process.communicate(words.encode())
    except TimeoutError as error:
        raise NotReady(code="speech_engine_failed") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return await asyncio.to_thread(decode_file, _mended(sound))
    except Unsupported as error:
        logger.warning("speech engine gave no sound", extra={"reason": error.what})
        raise NotReady(code="speech_engine_failed") from error


def _mended(sound: bytes) -> bytes:
    """Into a pipe the engine cannot write the sizes afterwards; they stand as far too large."""
    if sound[:4] != b"RIFF" or sound[36:40] != b"data":
        return sound
    riff = (len(sound) - 8).to_bytes(4, "little")
    data = (len(sound) - 44).to_bytes(4, "little")
    return sound[:4] + riff + sound[8:40] + data + sound[44:]
