"""Hears what services tell of the abilities of devices."""

from vms.storage.device_records import Verdict


class CapabilityEar:
    """Stands where the capability service would stand: `service.on_capability = ear`."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, Verdict]] = []
        """Device, ability, verdict."""

    def __call__(self, device_id: str, name: str, verdict: Verdict, detail: str) -> None:
        self.heard.append((device_id, name, verdict))
