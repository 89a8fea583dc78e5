"""What a pretend box does over HTTP: uploads the pictures it was told to take, fetches firmware.

Addresses were checked by the device already (allowed hosts only); redirects are not followed.
"""

import asyncio
import io
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import aiohttp
from PIL import Image

from sip.gb28181.snapshot import snapshot_file_id
from sip.gb28181.upgrade import BROKEN_PACKAGE, TIMEOUT
from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import SnapshotsRequested, UpgradeRequested
from stream_relay.scene import SceneSource
from stream_relay.simulator import MediaSource

logger = logging.getLogger(__name__)

HTTP_S = 10.0
LARGEST_FIRMWARE = 64 * 1024 * 1024
ZONE = ZoneInfo("Asia/Shanghai")
JPEG = "image/jpeg"


class Errands:
    """The errands of one box; `flush` sends what the device says at the end of each."""

    def __init__(
        self,
        device: SimulatedDevice,
        source: Callable[[str], MediaSource | None],
        flush: Callable[[], None],
    ) -> None:
        self._device = device
        self._source = source
        self._flush = flush

    async def take_snapshots(self, wanted: SnapshotsRequested) -> None:
        """Take and upload so many pictures; those that could not be uploaded are not listed."""
        uploaded = []
        async with _session() as session:
            for number in range(1, wanted.count + 1):
                if number > 1:
                    await asyncio.sleep(wanted.interval_s)
                picture = await asyncio.to_thread(_picture, self._source(wanted.channel_id))
                name = snapshot_file_id(wanted.channel_id, datetime.now(ZONE), number)
                if await _upload(session, wanted.upload_url, name, picture):
                    uploaded.append(name)
        now = asyncio.get_running_loop().time()
        self._device.finish_snapshots(wanted.channel_id, wanted.session_id, uploaded, now)
        self._flush()

    async def upgrade(self, wanted: UpgradeRequested) -> None:
        """Fetch the firmware, which is thrown away, and restart with its name."""
        async with _session() as session:
            reason = await _fetch(session, wanted.url)
        now = asyncio.get_running_loop().time()
        self._device.finish_upgrade(wanted.session_id, wanted.firmware, now, reason)
        self._flush()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HTTP_S))


async def _upload(session: aiohttp.ClientSession, url: str, name: str, picture: bytes) -> bool:
    address = f"{url.rstrip('/')}/{name}.jpg"
    headers = {"Content-Type": JPEG}
    try:
        async with session.post(
            address, data=picture, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status < 300:
                return True
            logger.warning("picture was not taken", extra={"reason": answer.status})
    except (aiohttp.ClientError, TimeoutError) as error:
        logger.warning("picture not uploaded", extra={"reason": str(error) or "timeout"})
    return False


async def _fetch(session: aiohttp.ClientSession, url: str) -> str:
    """Why the firmware could not be had (UpgradeFailedReason); empty when it could."""
    size = 0
    try:
        async with session.get(url, allow_redirects=False) as answer:
            async for piece in answer.content.iter_chunked(65_536):
                size += len(piece)
                if size > LARGEST_FIRMWARE:
                    return BROKEN_PACKAGE
            return "" if answer.status == 200 and size else BROKEN_PACKAGE
    except (aiohttp.ClientError, TimeoutError) as error:
        logger.warning("firmware not fetched", extra={"reason": str(error) or "timeout"})
        return TIMEOUT


def _picture(source: MediaSource | None) -> bytes:
    """A camera's picture; a clip's is a plain one, for it is not decoded here."""
    if isinstance(source, SceneSource):
        return source.snapshot()
    out = io.BytesIO()
    grey = datetime.now(UTC).second * 4
    Image.new("RGB", (640, 360), (grey, grey, grey)).save(out, "JPEG")
    return out.getvalue()
