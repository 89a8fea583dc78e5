"""Pictures in one folder for each day (YYYYMMDD), so that old days go as a whole. Blocking."""

from datetime import datetime
from pathlib import Path


def write_picture(path: Path, picture: bytes) -> None:
    """Write a picture into the folder of its day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)


def remove_days_before(folder: Path, before: datetime) -> int:
    """Remove the days before a date; answers the number of pictures."""
    removed = 0
    for day in sorted(folder.glob("[0-9]" * 8)):
        if day.name >= f"{before:%Y%m%d}":
            break
        for picture in day.iterdir():
            picture.unlink()
            removed += 1
        day.rmdir()
    return removed
