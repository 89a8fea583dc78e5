"""The Subject header of an INVITE (GB/T 28181-2016 annex K, 2022 annex L)."""

from dataclasses import dataclass

LONGEST_PART = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """Who sends which stream to whom."""

    sender_id: str
    sender_serial: str
    """First character 0 live, 1 history; the same live stream keeps it."""
    receiver_id: str = ""
    receiver_serial: str = ""

    def __str__(self) -> str:
        return f"{self.sender_id}:{self.sender_serial},{self.receiver_id}:{self.receiver_serial}"

    @property
    def sender_pair(self) -> tuple[str, str]:
        """An INVITE with the same pair replaces the running stream (2022 annex K)."""
        return self.sender_id, self.sender_serial


def parse_subject(text: str | None) -> Subject | None:
    """Read the header; spaces are fine, the receiver may be missing; None when it is no Subject."""
    pairs = [part.partition(":") for part in (text or "").split(",")]
    parts = [field.strip() for pair in pairs for field in (pair[0], pair[2])]
    if len(pairs) > 2 or not parts[0] or any(len(part) > LONGEST_PART for part in parts):
        return None
    return Subject(*parts)
