"""Live pictures on demand. Start at `service.py`; `session.py` is the life of one stream."""

from stream_relay.control import ViewerControl as Viewer
from stream_relay.viewer import InitFacts, ViewerEnd, Wire
from vms.services.live.service import LiveService
from vms.services.live.watch import Watch, Words

__all__ = ["InitFacts", "LiveService", "Viewer", "ViewerEnd", "Watch", "Wire", "Words"]
