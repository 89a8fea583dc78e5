"""Where the figures of upper platforms come from, before and while the cascade runs."""

from typing import Protocol

from vms.errors import NotReady
from vms.records.platforms import NO_FIGURES, Scorecard


class Scorecards(Protocol):
    """What the cascade service knows of each upper platform."""

    def scorecard(self, platform_id: str) -> Scorecard:
        """How it goes; `NO_FIGURES` for one without any."""

    def is_registered(self, platform_id: str) -> bool:
        """Whether we are registered there now; asked often."""

    async def register_now(self, platform_id: str) -> None:
        """Try to register now; raises NotReady(cascade_off) where nothing runs."""


class NoScorecards:
    """Before the cascade service is there: no figures yet."""

    def scorecard(self, platform_id: str) -> Scorecard:
        """No figures."""
        return NO_FIGURES

    def is_registered(self, platform_id: str) -> bool:
        """Nowhere."""
        return False

    async def register_now(self, platform_id: str) -> None:
        """Nothing runs that could register."""
        raise NotReady(code="cascade_off", platform=platform_id)
