"""Voice to devices: talks, broadcasts, announcements and their timetable."""

from vms.services.voice.microphone import Microphone
from vms.services.voice.service import VoiceService

__all__ = ["Microphone", "VoiceService"]
