"""Which edition of GB/T 28181 a peer speaks, and which commands only the 2022 edition has.

2022 annex I: the side with the newer version must not send what the other cannot understand. A
peer that sends no X-GB-Ver counts as one of 2016.
"""

import re
from typing import Final

from sip.errors import LocalProtocolError

OWN_VERSION: Final = "3.0"
"""What we speak: the 2022 edition."""

OLDER_VERSION: Final = "2.0"
"""What a peer speaks that does not say."""

YEARS: Final = {"1.0": "2011", "1.1": "2011 supplement", "2.0": "2016", "3.0": "2022"}
"""Edition by X-GB-Ver."""

LONGEST_VERSION = 8

ONLY_2022: Final = frozenset(
    {
        # Elements of DeviceControl (A.2.3.1).
        "PTZCmdParams", "PTZPreciseCtrl", "DeviceUpgrade", "FormatSDCard", "TargetTrack",
        # Configurations, read by ConfigDownload and written by DeviceConfig (A.2.1).
        "VideoParamAttribute", "VideoRecordPlan", "VideoAlarmRecord", "PictureMask",
        "FrameMirror", "AlarmReport", "OSDConfig", "SnapShotConfig", "SnapShot",
        # Queries (A.2.4).
        "HomePositionQuery", "CruiseTrackListQuery", "CruiseTrackQuery", "PTZPosition",
        "SDCardStatus",
        # Notifications (A.2.5).
        "UploadSnapShotFinished", "VideoUploadNotify", "DeviceUpgradeResult",
        # SIP (9.1.2.3).
        "RegisterRedirect",
    }
)  # fmt: skip
"""Command types, elements of DeviceControl and types of configuration that 2016 does not have.

IFrameCmd is not among them: 2016 has it, misspelt, and both spellings are sent together.
"""

_ONLY_2022_LOWER = frozenset(name.lower() for name in ONLY_2022)
_VERSION = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,2}))?")


class EditionTooOld(LocalProtocolError):
    """The peer's edition does not have the command; nothing was sent."""

    def __init__(self, command: str, gb_version: str) -> None:
        super().__init__(
            f"{command} needs GB/T 28181-2022; the peer speaks {gb_version or OLDER_VERSION}"
        )
        self.command = command
        self.gb_version = gb_version or OLDER_VERSION


def needs_2022(command: str) -> bool:
    """Whether only the 2022 edition has a command.

    `command` is a CmdType, an element of DeviceControl, or a type of configuration, in any case.
    """
    return command.strip().lower() in _ONLY_2022_LOWER


def speaks_2022(gb_version: str) -> bool:
    """Whether a peer with this X-GB-Ver understands the 2022 edition; "" and junk do not."""
    match = _VERSION.fullmatch(gb_version.strip())
    return match is not None and int(match[1]) >= 3


def check_edition(command: str, gb_version: str, *, is_forced: bool = False) -> None:
    """Raise EditionTooOld unless a peer of this X-GB-Ver understands a command.

    `is_forced` sends it none the less: some devices of 2016 know commands of 2022.
    """
    if not is_forced and needs_2022(command) and not speaks_2022(gb_version):
        raise EditionTooOld(command, gb_version)


def read_version(value: str | None) -> str:
    """Return the X-GB-Ver of a message as it is kept; missing or no version: 2016's."""
    text = (value or "").strip()[:LONGEST_VERSION]
    return text if _VERSION.fullmatch(text) else OLDER_VERSION
