"""MESSAGE and NOTIFY of devices: admitted, answered at once, read afterwards.

GB/T 28181-2022 9.1 to 9.6. Small bodies are read on the spot, large ones wait in a bounded queue
and are read a share at a time, so that a catalog never holds up keepalives. What cannot be read is
counted, told once per peer and dropped.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sip.errors import MalformedMessage, SipError
from sip.events import (
    AlarmReceived,
    CatalogItem,
    CatalogReceived,
    Event,
    MediaStatusReceived,
    PositionsReceived,
    SnapshotsUploaded,
    UpgradeEnded,
    VideoUploadBegun,
)
from sip.gb28181 import (
    alarm,
    catalog,
    keepalive,
    mobile_position,
    snapshot,
    upgrade,
    video_upload,
)
from sip.gb28181.manscdp import Envelope, Root, parse_envelope, read_envelope
from sip.message import Peer, Request
from sip.roles.bindings import Binding
from sip.roles.call import Call
from sip.roles.conduct import Conduct
from sip.roles.config import SipConfig
from sip.roles.inquiry import Inquiries
from sip.roles.messenger import Messenger
from sip.roles.registrar import Registrar

SMALL_BYTES = 4096
"""Bodies up to here are read on the spot: a keepalive has 200, a catalog packet of four 3,000."""

BACKLOG_LENGTH = 1024
BACKLOG_BYTES = 32 * 1024 * 1024
SHARE_BYTES = 64 * 1024
"""Read in one go between two looks at the sockets; takes some 10 ms. A longer body is read in
parts: a catalog of 9,000 items in one message would hold everybody up for half a second."""


@dataclass(frozen=True, slots=True)
class _Letter:
    binding: Binding
    peer: Peer
    body: bytes
    call: Call | None
    is_message: bool
    """MESSAGE, whose alarms want an answer; a NOTIFY's do not."""
    came_at: float


class MessageDesk:
    """Admits and reads what devices report."""

    def __init__(
        self,
        config: SipConfig,
        registrar: Registrar,
        inquiries: Inquiries,
        messenger: Messenger,
        conduct: Conduct,
        emit: Callable[[Event], None],
        wall: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._registrar = registrar
        self._messenger = messenger
        self._conduct = conduct
        self._emit = emit
        self._wall = wall
        self._backlog: deque[_Letter] = deque()
        self._backlog_bytes = 0
        self._reading: tuple[_Letter, Iterator[Envelope | None]] | None = None
        self._gathered: list[CatalogItem] = []
        """Items of the long body being read that nobody asked for: told together."""
        self._readers: dict[tuple[Root, str], Callable[[_Letter, Envelope, float], None]] = {
            (Root.NOTIFY, keepalive.COMMAND): self._read_keepalive,
            (Root.NOTIFY, keepalive.MEDIA_STATUS): self._read_media_status,
            (Root.NOTIFY, alarm.COMMAND): self._read_alarm,
            (Root.NOTIFY, catalog.COMMAND): self._read_catalog,
            (Root.NOTIFY, snapshot.FINISHED): self._read_snapshots,
            (Root.NOTIFY, upgrade.RESULT): self._read_upgrade,
            (Root.NOTIFY, video_upload.COMMAND): self._read_video_upload,
            (Root.NOTIFY, mobile_position.COMMAND): self._read_positions,
        }
        self.answers: list[Callable[[str, Envelope, float], bool]] = [inquiries.receive_answer]
        """Who may wait for a Response of a device; each says whether it was his."""
        self.counters: Counter[str] = Counter()

    def admit(self, request: Request, peer: Peer, call: Call | None, now: float) -> int:
        """Return the status a MESSAGE or NOTIFY is answered with; 200 means that it is kept."""
        sender = request.from_.uri.user
        binding = self._registrar.admit(sender, peer, now)
        if binding is None and _is_keepalive(request.body):
            binding = self._registrar.revive(sender, peer, now)
        if binding is None:
            self._conduct.note(peer, "message of a stranger", request.body)
            return 403
        if request.method == "NOTIFY" and not request.body.strip():
            return 200  # the end of a subscription may have no body (8.3)
        full = len(self._backlog) >= BACKLOG_LENGTH
        if full or self._backlog_bytes + len(request.body) > BACKLOG_BYTES:
            self.counters["backlog.refused"] += 1
            return 503
        self._registrar.clocks.note(binding.device_id, request.headers.get("date"))
        letter = _Letter(binding, peer, request.body, call, request.method == "MESSAGE", now)
        self._backlog.append(letter)
        self._backlog_bytes += len(request.body)
        return 200

    def read_small(self, now: float) -> None:
        """Read the newest letter if it is small; called after its answer is on the way."""
        if self._backlog and len(self._backlog[-1].body) <= SMALL_BYTES:
            letter = self._backlog.pop()
            self._backlog_bytes -= len(letter.body)
            self._read(letter, now)

    def has_unread(self, device_id: str) -> bool:
        """Whether something of this device waits to be read, or is being read."""
        reading = [self._reading[0]] if self._reading is not None else []
        return any(letter.binding.device_id == device_id for letter in (*reading, *self._backlog))

    def next_timer(self) -> float | None:
        """Return when the oldest waiting letter came: at once."""
        if self._reading is not None:
            return self._reading[0].came_at
        return self._backlog[0].came_at if self._backlog else None

    def handle_timer(self, now: float) -> None:
        """Read one share of what waits: some letters, or a part of a long one."""
        read_bytes = 0
        while self._reading is None and self._backlog and read_bytes < SHARE_BYTES:
            letter = self._backlog.popleft()
            self._backlog_bytes -= len(letter.body)
            read_bytes += len(letter.body)
            if len(letter.body) > SHARE_BYTES:
                self._reading = letter, read_envelope(letter.body)
            else:
                self._read(letter, now)
        if self._reading is not None:
            self._read_part(*self._reading, now)

    def _read(self, letter: _Letter, now: float) -> None:
        try:
            envelope = parse_envelope(letter.body)
        except MalformedMessage as error:
            self._conduct.note(letter.peer, error.reason, error.data or letter.body)
            return
        self._deliver(letter, envelope, now)

    def _read_part(self, letter: _Letter, parts: Iterator[Envelope | None], now: float) -> None:
        try:
            envelope = next(parts)
        except StopIteration:
            self._reading = None
            self.counters["bodies.long"] += 1
            if self._gathered:
                items, self._gathered = tuple(self._gathered), []
                notified = not letter.is_message
                self._emit_catalog(letter, items, len(items), is_notification=notified)
        except MalformedMessage as error:
            self._reading = None
            self._conduct.note(letter.peer, error.reason, error.data or letter.body)
        else:
            if envelope is not None:
                self._deliver(letter, envelope, now)

    def _deliver(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        if envelope.root is Root.RESPONSE:
            device_id = letter.binding.device_id
            takers = self.answers if letter.is_message else ()
            if not any(take(device_id, envelope, now) for take in takers):
                self._read_unasked(letter, envelope)
            return
        reader = self._readers.get((envelope.root, envelope.command))
        if reader is None:
            self.counters["unread"] += 1
            return
        reader(letter, envelope, now)

    def _read_keepalive(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        read = keepalive.parse_keepalive(envelope)
        self._registrar.keepalive(letter.binding, read, letter.peer, now)

    def _read_media_status(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        self._emit(
            MediaStatusReceived(
                letter.binding.device_id,
                letter.call.id if letter.call is not None else None,
                envelope.body.value("NotifyType")[:16],
                self._wall(),
            )
        )

    def _read_alarm(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        read = alarm.parse_alarm(envelope)
        source = read.device_id or letter.binding.device_id
        self._emit(
            AlarmReceived(
                device_id=letter.binding.device_id,
                source_id=source,
                priority=read.priority,
                method=read.method,
                alarm_type=read.alarm_type,
                event_type=read.event_type,
                time_text=read.time_text,
                description=read.description,
                longitude=read.longitude,
                latitude=read.latitude,
                at=self._wall(),
            )
        )
        if letter.is_message and letter.binding.is_reachable:
            self._answer_alarm(letter, source, read.sn, now)

    def _answer_alarm(self, letter: _Letter, source: str, sn: int, now: float) -> None:
        body = alarm.build_alarm_response(source, sn, charset=self._config.charset)
        try:
            self._messenger.send_message(letter.binding, body, now)
        except SipError:
            self.counters["alarm answers not sent"] += 1

    def _read_snapshots(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        read = snapshot.parse_finished(envelope)
        device_id = letter.binding.device_id
        self._emit(
            SnapshotsUploaded(
                device_id, read.device_id, read.session_id, read.file_ids, self._wall()
            )
        )

    def _read_video_upload(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        device_id = letter.binding.device_id
        read = video_upload.parse_video_upload(envelope, device_id)
        self._emit(
            VideoUploadBegun(
                device_id,
                read.channel_id,
                read.time_text,
                read.longitude,
                read.latitude,
                self._wall(),
            )
        )

    def _read_upgrade(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        read = upgrade.parse_upgrade_result(envelope)
        self._emit(
            UpgradeEnded(
                letter.binding.device_id,
                read.session_id,
                read.is_ok,
                read.firmware,
                read.reason,
                self._wall(),
            )
        )

    def _read_positions(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        packet = mobile_position.parse_positions(envelope, letter.binding.device_id)
        if packet.dropped:
            self.counters["positions.dropped"] += packet.dropped
        if packet.positions:
            device_id = letter.binding.device_id
            self._emit(PositionsReceived(device_id, packet.positions, self._wall()))

    def _read_catalog(self, letter: _Letter, envelope: Envelope, now: float) -> None:
        self._tell_catalog(letter, envelope, is_notification=True)

    def _read_unasked(self, letter: _Letter, envelope: Envelope) -> None:
        """A Response nobody waits for: late catalog packets still hold channels."""
        if envelope.command != catalog.COMMAND:
            self.counters["unasked"] += 1
            return
        # 2016 samples of catalog notifications have the root Response; their items carry Event.
        self._tell_catalog(letter, envelope, is_notification=False)

    def _tell_catalog(self, letter: _Letter, envelope: Envelope, *, is_notification: bool) -> None:
        packet = catalog.parse_catalog(envelope)
        if self._reading is not None:
            self._gathered += packet.items
        else:
            self._emit_catalog(
                letter, packet.items, packet.sum_num or 0, is_notification=is_notification
            )

    def _emit_catalog(
        self,
        letter: _Letter,
        items: tuple[CatalogItem, ...],
        sum_num: int,
        *,
        is_notification: bool,
    ) -> None:
        has_events = any(item.event is not None for item in items)
        self._emit(
            CatalogReceived(
                letter.binding.device_id,
                items,
                sum_num,
                complete=False,
                is_notification=is_notification or has_events,
                at=self._wall(),
            )
        )


def _is_keepalive(body: bytes) -> bool:
    try:
        return parse_envelope(body).command == keepalive.COMMAND
    except MalformedMessage:
        return False
