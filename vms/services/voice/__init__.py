"""Voice to devices: talks, broadcasts, announcements and their timetable."""

from vms.services.voice.service import Microphone, VoiceService

__all__ = ["Microphone", "VoiceService"]
