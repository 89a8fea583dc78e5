"""Names of regions (行政区划, GB/T 2260) for those that no catalogue names.

Data, not rules: `regions.csv` has the provinces and the cities of Shanxi; a code that it lacks is
as good as any other.
"""

import csv
import io
from collections.abc import Mapping
from importlib.resources import files


def _load() -> Mapping[str, str]:
    text = files("channel_registry").joinpath("regions.csv").read_text(encoding="utf-8")
    return {row["code"]: row["name"] for row in csv.DictReader(io.StringIO(text))}


REGION_NAMES = _load()
PROVINCES = frozenset(code for code in REGION_NAMES if len(code) == 2)
"""First two digits of every code of today."""
