"""Makers' boxes for the simulator: what they say of themselves, and which quirks they show.

The list is `vendors.json` beside this module; models and User-Agents there are examples of their
kind, the quirks are those of the references.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from sip.simulator.profile import DeviceProfile


@dataclass(frozen=True, slots=True)
class Vendor:
    """One bundle; `faults` are texts for `vms.simulation.faults.parse_faults`."""

    user_agent: str
    manufacturer: str
    model: str
    firmware: str
    gb_version: str
    faults: tuple[str, ...]
    evidence: str

    def dress(self, profile: DeviceProfile) -> DeviceProfile:
        """A profile that gives itself out as this maker's, its cameras too."""
        channels = tuple(
            replace(channel, manufacturer=self.manufacturer, model=self.model)
            for channel in profile.channels
        )
        return replace(
            profile,
            user_agent=self.user_agent,
            manufacturer=self.manufacturer,
            model=self.model,
            firmware=self.firmware,
            gb_version=self.gb_version,
            channels=channels,
        )


@cache
def vendors() -> Mapping[str, Vendor]:
    """All bundles by name."""
    text = files("vms.simulation").joinpath("vendors.json").read_text(encoding="utf-8")
    return {
        name: Vendor(**{**facts, "faults": tuple(facts["faults"])})
        for name, facts in json.loads(text).items()
    }
