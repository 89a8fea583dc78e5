"""What a simulated device answers to RecordInfo and to the INFO of a playback."""

from collections.abc import Iterable

from sip.errors import MalformedMessage
from sip.gb28181 import record_info
from sip.gb28181.manscdp import Envelope, Root
from sip.gb28181.mansrtsp import (
    Method,
    PlaybackCommand,
    PlaybackReply,
    parse_command,
)
from sip.message.sdp import History
from sip.simulator.answers import DeviceState, Handlers
from sip.simulator.profile import DeviceProfile, Faults

SLOWEST, FASTEST = 0.25, 16.0


def handlers(state: DeviceState) -> Handlers:
    """RecordInfo, in messages of as many items as the profile says."""
    profile, faults = state.profile, state.faults

    def answer(envelope: Envelope) -> Iterable[bytes]:
        query = record_info.parse_record_query(envelope)
        if query is not None and faults.record_wants_type and not envelope.body.value("Type"):
            return ()
        return () if query is None else _packets(profile, faults, query, envelope.sn)

    return {(Root.QUERY, record_info.COMMAND): answer}


def _packets(
    profile: DeviceProfile, faults: Faults, query: record_info.RecordQuery, sn: int
) -> list[bytes]:
    name = next((c.name for c in profile.channels if c.code == query.channel_id), profile.name)
    table = profile.recordings
    items = table.clips(query.channel_id, query.start, query.end) if table is not None else []
    if query.record_type != "all":
        items = [item for item in items if item.record_type == query.record_type]
    total = len(items)
    if faults.catalog_duplicates:
        items = [item for item in items for _ in range(2)]
    if faults.record_disordered:
        items = items[::-1]
    if faults.record_short_by:
        items = items[: -faults.record_short_by]
    size = max(1, profile.items_per_message)
    groups = [items[start : start + size] for start in range(0, len(items), size)] or [[]]
    return [
        record_info.build_record_info(
            query.channel_id, sn, name, group, total, charset=profile.charset
        )
        for group in groups
    ]


def obey(
    body: bytes, history: History | None, profile: DeviceProfile, faults: Faults
) -> tuple[int, PlaybackCommand | None, PlaybackReply | None]:
    """Return the status of an INFO, the command where it is obeyed, and what to answer."""
    if faults.info_status is not None:
        return faults.info_status, None, None
    try:
        command, cseq = parse_command(body)
    except MalformedMessage as error:
        return error.status, None, None
    if history is None or history.kind != "Playback" or not _is_able(command, history, profile):
        return 400, None, None
    if faults.info_only_mansrtsp and b" MANSRTSP/1.0" not in body:
        return 400, None, None
    if faults.info_wants_range and command.method is Method.PLAY and command.range is None:
        return 400, None, None
    if faults.pause_ignored and command.method is Method.PAUSE:
        return 200, None, PlaybackReply(cseq=cseq)
    return 200, command, PlaybackReply(cseq=cseq, scale=command.scale, range=command.range)


def _is_able(command: PlaybackCommand, history: History, profile: DeviceProfile) -> bool:
    """Whether the recording and the edition allow it; backwards is of 2022 (B.2.8)."""
    scale, place = command.scale, command.range
    if scale is not None and not SLOWEST <= abs(scale) <= FASTEST:
        return False
    if scale is not None and scale < 0 and profile.gb_version < "3":
        return False
    if place is None or place.start_s is None:
        return True
    return place.start_s <= history.stop - history.start
