"""Upper platforms as people see them: figures, findings, and what the upper sees."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from channel_registry.records import Page
from channel_registry.upper_records import UpperPlatform


@dataclass(frozen=True, slots=True)
class CallFailure:
    """Why a call of an upper platform did not bring a picture."""

    at: datetime
    channel: str
    """Our code, or theirs where it is not shared."""
    reason: str
    """Constant word or SIP status."""


@dataclass(frozen=True, slots=True)
class CatalogDifferenceCounts:
    """The catalogue that the upper was sent last, against the present one."""

    sent_at: datetime
    items: int
    """Sent then."""
    added: int = 0
    """Items that it does not have yet."""
    removed: int = 0
    """Items that it still has."""
    changed: int = 0

    @property
    def is_equal(self) -> bool:
        """The upper has what it should have."""
        return not self.added and not self.removed and not self.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How it goes with one upper platform."""

    state: str = "unknown"
    """`UplinkState`, or `unknown`."""
    since: datetime | None = None
    failure: str = ""
    """Constant word of `UplinkStatus`; empty when all is well."""
    status: int = 0
    """SIP status of the last refusal; 0: none."""
    next_attempt_at: datetime | None = None
    gb_version: str = ""
    registered_since: datetime | None = None
    catalog: CatalogDifferenceCounts | None = None
    """None: it has never asked."""
    invites: int = 0
    invites_ok: int = 0
    first_frame_ms: float | None = None
    """Median time from its INVITE to the first frame we sent."""
    last_failure: CallFailure | None = None
    streams: int = 0
    """That it gets now."""
    bytes: int = 0
    """Of media sent to it since the start."""


NO_FIGURES = Scorecard()


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The upper platform would reject or mix up something."""
    WARNING = "warning"
    """It would look wrong there."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the shared tree that somebody should look at."""

    severity: Severity
    rule: str
    """Constant word with a text in `web/words/platforms.py`."""
    code: str
    """As the upper sees it; empty: the whole tree."""
    name: str = ""
    detail: str = ""
    """The facts of this case: the other code, the limit."""
    source: str = ""
    """Our own channel code or organisation id."""


@dataclass(frozen=True, slots=True)
class PreviewNode:
    """One item as the upper platform sees it, at its place in the tree."""

    code: str
    name: str
    kind: str
    """region, system, group, virtual, device or channel."""
    status_on: bool
    parent: str
    """The node it is shown under; empty for a root."""
    parent_ids: tuple[str, ...]
    """ParentID as sent."""
    civil_code: str
    channels: int
    """Below it; 1 for a channel."""
    has_children: bool
    source: str
    """Our channel code, device code or organisation id; empty for regions."""
    findings: tuple[Finding, ...] = ()


class CodeSource(StrEnum):
    """Why a channel has the code that the upper sees."""

    OWN = "own"
    GIVEN = "given"
    RULE = "rule"
    MADE = "made"
    """A national code made by us, since the camera has none."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One shared channel and its code there."""

    ours: str
    name: str
    theirs: str
    source: CodeSource


@dataclass(frozen=True, slots=True)
class BadCodeLine:
    """A line of an imported list that cannot be."""

    line: int
    """Counts from 1, the head line."""
    reason: str
    """Constant word with a text in `web/words/platforms.py`."""
    text: str
    """The first characters of the line."""


@dataclass(frozen=True, slots=True)
class CodeImport:
    """What became of an imported list; with bad lines nothing was changed."""

    lines: int
    bad: tuple[BadCodeLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformView:
    """An upper platform, what it gets and how it goes."""

    platform: UpperPlatform
    scorecard: Scorecard
    channels: int
    """Shared now."""
    channels_online: int
    errors: int
    """Findings of that severity."""
    warnings: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A page of the tree that an upper platform sees."""

    page: Page[PreviewNode]
    items: int
    """Of the whole catalogue."""
    channels: int


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of findings, and how many there are of each severity."""

    page: Page[Finding]
    errors: int
    warnings: int
    notes: int
