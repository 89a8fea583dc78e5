"""The library of announcements: one WAV and one small JSON file each; the files are the truth."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from stream_relay.errors import Unsupported
from stream_relay.formats.g711 import SAMPLE_RATE
from stream_relay.voice.decode import build_wav, decode_file
from stream_relay.voice.level import Samples
from vms.errors import Conflict, Invalid, NotFound
from vms.ids import new_name
from vms.records.voice import Announcement

logger = logging.getLogger(__name__)

MOST = 1000
_ID = re.compile(r"[0-9a-f]{32}")
LARGEST_UPLOAD = 64 * 1024 * 1024
"""Bytes of a file that somebody brings; ten minutes of CD sound are 100 MB, of MP3 ten."""


class Library:
    """Announcements in a folder; every method may block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> tuple[Announcement, ...]:
        """All of them, the newest first; what cannot be read is left out and told."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(self._read(path))
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning(
                    "an announcement cannot be read",
                    extra={"path": path.name, "reason": str(error)},
                )
        return tuple(sorted(found, key=lambda each: each.created_at, reverse=True))

    def get(self, announcement_id: str) -> Announcement:
        """One of them; raises NotFound(announcement)."""
        try:
            return self._read(self._path(announcement_id, "json"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotFound("announcement", announcement_id) from error

    def add(self, name: str, data: bytes, by: str, at: datetime) -> Announcement:
        """Keep a sound file at speech loudness; raises Invalid(file), Conflict."""
        try:
            samples = decode_file(data)
        except Unsupported as error:
            raise Invalid("file", "not_a_sound", error.what) from error
        return self.keep(name, samples, by, at)

    def keep(self, name: str, samples: Samples, by: str, at: datetime) -> Announcement:
        """Keep samples; raises Conflict when the library is full."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(list(self._folder.glob("*.json"))) >= MOST:
            raise Conflict("library_full", limit=MOST)
        made = Announcement(new_name(), name, len(samples) / SAMPLE_RATE, by, at)
        _replace(self._path(made.id, "wav"), build_wav(samples))
        _replace(self._path(made.id, "json"), _to_json(made))
        return made

    def sound(self, announcement_id: str) -> Samples:
        """The samples; raises NotFound(announcement)."""
        return decode_file(self.wav(announcement_id))

    def wav(self, announcement_id: str) -> bytes:
        """The file; raises NotFound(announcement)."""
        self.get(announcement_id)
        try:
            return self._path(announcement_id, "wav").read_bytes()
        except OSError as error:
            raise NotFound("announcement", announcement_id) from error

    def delete(self, announcement_id: str) -> None:
        """Remove one; raises NotFound(announcement)."""
        self.get(announcement_id)
        self._path(announcement_id, "json").unlink(missing_ok=True)
        self._path(announcement_id, "wav").unlink(missing_ok=True)

    def _path(self, announcement_id: str, suffix: str) -> Path:
        if not _ID.fullmatch(announcement_id):
            raise NotFound("announcement", announcement_id)
        return self._folder / f"{announcement_id}.{suffix}"

    def _read(self, path: Path) -> Announcement:
        values: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        return Announcement(
            path.stem,
            str(values["name"]),
            float(values["length_s"]),
            str(values["by"]),
            datetime.fromisoformat(values["created_at"]),
        )


def _to_json(made: Announcement) -> bytes:
    values = asdict(made) | {"created_at": made.created_at.isoformat()}
    return json.dumps(values, ensure_ascii=False).encode("utf-8")


def _replace(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_bytes(data)
    draft.replace(path)
