"""DeviceUpgradeResult: how a firmware upgrade ended (GB/T 28181-2022 9.13, A.2.5.8)."""

from dataclasses import dataclass

from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope

RESULT = "DeviceUpgradeResult"

TIMEOUT, BROKEN_PACKAGE, SYSTEM_ERROR, OTHER = "01", "02", "03", "99"
"""UpgradeFailedReason."""


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """What the device says after it is back."""

    device_id: str
    session_id: str
    is_ok: bool
    firmware: str = ""
    """The one that runs now."""
    reason: str = ""
    """01 download timed out, 02 package broken, 03 system error, 99 other; empty when it went."""


def parse_upgrade_result(envelope: Envelope) -> UpgradeResult:
    """Read the notification."""
    body = envelope.body
    return UpgradeResult(
        envelope.device_id,
        body.value("SessionID")[:128],
        body.value("UpgradeResult").upper() == "OK",
        body.value("Firmware")[:128],
        body.value("UpgradeFailedReason")[:16],
    )


def build_upgrade_result(result: UpgradeResult, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write the notification."""
    fields: list[Field] = [
        ("SessionID", result.session_id),
        ("UpgradeResult", "OK" if result.is_ok else "ERROR"),
        ("Firmware", result.firmware),
    ]
    if not result.is_ok:
        fields.append(("UpgradeFailedReason", result.reason or OTHER))
    return build_envelope(Root.NOTIFY, RESULT, sn, result.device_id, fields, charset=charset)
