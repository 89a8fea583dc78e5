"""The words of every problem: code → status, both titles, both pieces of advice (zh, en).

One module for each subject; a new failure gets its words there and a row in `docs/failures.md`.
"""

from collections.abc import Mapping

from web.words.control import CONTROL, CONTROL_REASONS
from web.words.general import GENERAL, GENERAL_REASONS, PEOPLE, THINGS
from web.words.live import LIVE
from web.words.platforms import PLATFORM_REASONS, PLATFORMS
from web.words.playback import PLAYBACK
from web.words.reports import REPORTS
from web.words.text import Reason, Text
from web.words.voice import VOICE, VOICE_REASONS

__all__ = ["LIVE", "REASONS", "TEXTS", "Reason", "Text"]

TEXTS: Mapping[str, Text] = {
    **GENERAL,
    **PEOPLE,
    **THINGS,
    **LIVE,
    **CONTROL,
    **PLAYBACK,
    **REPORTS,
    **VOICE,
    **PLATFORMS,
}

REASONS: Mapping[str, Reason] = {
    **GENERAL_REASONS,
    **CONTROL_REASONS,
    **VOICE_REASONS,
    **PLATFORM_REASONS,
}
"""What is wrong with a value that a service did not accept; another reason is shown as it is."""
