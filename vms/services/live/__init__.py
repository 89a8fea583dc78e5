"""Live pictures on demand. Start at `service.py`; `session.py` is the life of one stream."""

from vms.services.live.service import LiveService
from vms.services.live.watch import Watch

__all__ = ["LiveService", "Watch"]
