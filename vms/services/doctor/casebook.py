"""The attempts of each channel, the latest of them, bounded."""

from collections import OrderedDict, deque
from datetime import datetime

from vms.records.doctor import Diagnosis, Grade
from vms.services.doctor.facts import Chart
from vms.services.doctor.findings import diagnose

KEPT_CHARTS = 12
"""Attempts of one channel; a round has three at most."""
SUB = ".sub"
KEPT_CASES = 1000
"""Channels."""


class Case:
    """The latest attempts of one channel, or of its sub stream.

    `key` is the channel's code, for the sub stream with `.sub` behind it.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.channel = key.partition(".")[0]
        self._charts: deque[Chart] = deque(maxlen=KEPT_CHARTS)
        self._round = 0

    def begin_round(self) -> None:
        """What follows is independent of what was tried before."""
        self._round += 1

    def begin(self, at: datetime) -> Chart:
        """The chart of a new attempt."""
        chart = Chart(self.channel, at=at, round=self._round)
        self._charts.append(chart)
        return chart

    def close(self, chart: Chart) -> None:
        """An attempt is over; one that was given up before it showed anything never was."""
        chart.is_over = True
        if chart.failure is None and not chart.was_playing and chart in self._charts:
            self._charts.remove(chart)

    @property
    def latest(self) -> Chart | None:
        """The newest attempt."""
        return self._charts[-1] if self._charts else None

    def of_invitation(self, invitation_id: str) -> Chart | None:
        """The attempt that sent this INVITE."""
        found = (chart for chart in self._charts if chart.invitation_id == invitation_id)
        return next(found, None) if invitation_id else None

    @property
    def verdict(self) -> str:
        """What a tile should say: the cause of a picture that fails or suffers, else ""."""
        found = self.diagnosis
        return found.cause.value if found.grade in (Grade.FAILED, Grade.POOR) else ""

    @property
    def diagnosis(self) -> Diagnosis:
        """The verdict on the latest round."""
        latest = self.latest
        charts = [chart for chart in self._charts if latest and chart.round == latest.round]
        return diagnose(self.channel, charts)


class CaseBook:
    """The cases of the channels that were looked at last."""

    def __init__(self) -> None:
        self._cases: OrderedDict[str, Case] = OrderedDict()

    def case(self, key: str) -> Case:
        """The case of this key, a new one where there is none."""
        case = self._cases.get(key)
        if case is None:
            case = self._cases[key] = Case(key)
        self._cases.move_to_end(key)
        while len(self._cases) > KEPT_CASES:
            self._cases.popitem(last=False)
        return case

    def find(self, channel: str) -> Case | None:
        """The case of a channel, of main or sub stream, whichever was asked for last."""
        cases = [self._cases[key] for key in (channel, f"{channel}{SUB}") if key in self._cases]
        begun = [(case.latest.at, case) for case in cases if case.latest and case.latest.at]
        return max(begun, key=lambda each: each[0])[1] if begun else next(iter(cases), None)

    def of_invitation(self, invitation_id: str) -> tuple[Case, Chart] | None:
        """Whose INVITE this was."""
        for case in self._cases.values():
            chart = case.of_invitation(invitation_id)
            if chart is not None:
                return case, chart
        return None
