"""What a simulated device does on DeviceControl, and what it tells of its heads and cards."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from sip.gb28181 import control, presets, ptz, ptz_queries, sd_card
from sip.gb28181.manscdp import Envelope, Root, parse_float, parse_number
from sip.gb28181.sd_card import StorageCard
from sip.gb28181.xml import Element
from sip.simulator.answers import DeviceState, Handlers
from sip.simulator.head import PtzHead
from sip.simulator.profile import CommandReceived, UpgradeRequested

FORMAT_S = 2.0
CARD_MB, CARD_FREE_MB = 61_440, 20_480
FIXED = 3
"""PTZType of a camera that cannot turn."""


@dataclass(slots=True)
class _Card:
    card: StorageCard
    formatted_from: float | None = None


class ControlState:
    """Heads, cards, and what was switched on."""

    def __init__(self, state: DeviceState) -> None:
        self.heads = {
            channel.code: PtzHead()
            for channel in state.profile.channels
            if channel.ptz_type not in (None, 0, FIXED)
        }
        self._state = state
        self._cards = [
            _Card(StorageCard(n, f"sd{n}", "ok", None, CARD_MB, CARD_FREE_MB)) for n in (1, 2)
        ]
        self._commands: dict[str, Callable[[str, Element], bool]] = {
            "PTZCmd": self._turn,
            "DragZoomIn": self._zoom,
            "DragZoomOut": self._zoom,
            "PTZPreciseCtrl": self._turn_precisely,
            "TargetTrack": self._track,
            "HomePosition": self._set_home,
            "RecordCmd": self._record,
            "GuardCmd": self._guard,
            "FormatSDCard": self._format,
            "DeviceUpgrade": self._upgrade,
        }

    def obey(self, envelope: Envelope) -> Iterable[bytes]:
        """Do it, tell the shell, answer where the standard wants an answer (A.2.6.1)."""
        command = control.parse_control(envelope)
        if not command.command or command.element is None:
            return
        state = self._state
        if state.faults.control_refused:
            is_ok = False
        else:
            state.emit(CommandReceived(command.device_id, command.command, command.value))
            act = self._commands.get(command.command)
            is_ok = act is None or act(command.device_id, command.element)
            if is_ok:
                self._name(envelope, command)
        if command.command in control.ANSWERED or state.faults.answers_everything:
            yield control.build_control_response(
                command.device_id, command.sn, is_ok=is_ok, charset=state.profile.charset
            )

    def cards(self) -> tuple[StorageCard, ...]:
        """The state of each card now."""
        return tuple(self._card(each) for each in self._cards)

    # Commands; each tells whether it could

    def _turn(self, channel_id: str, element: Element) -> bool:
        head = self.heads.get(channel_id)
        try:
            command = ptz.decode(element.text)
        except ptz.BadPtzCommand:
            return False  # a wrong checksum causes no motion (A.3.1)
        if head is not None:
            head.obey(command, self._state.now)
        return head is not None

    def _name(self, envelope: Envelope, command: control.Control) -> None:
        """PTZCmdParams stands beside PTZCmd, not inside it (2022 A.2.3.1.2)."""
        head, params = self.heads.get(command.device_id), envelope.body.child("PTZCmdParams")
        if head is not None and params is not None and command.command == "PTZCmd":
            head.name(command.value, params.value("PresetName"), params.value("CruiseTrackName"))

    def _zoom(self, channel_id: str, element: Element) -> bool:
        head, frame = self.heads.get(channel_id), control.parse_frame(element)
        if head is None or frame is None:
            return False
        head.zoom_to(frame, self._state.now, is_in=element.name.lower() == "dragzoomin")
        return True

    def _turn_precisely(self, channel_id: str, element: Element) -> bool:
        head = self.heads.get(channel_id)
        if head is None:
            return False
        pan, tilt, zoom = (parse_float(element.value(name)) for name in ("Pan", "Tilt", "Zoom"))
        head.go_precisely(pan, tilt, zoom, self._state.now)
        return True

    def _track(self, channel_id: str, element: Element) -> bool:
        head = self.heads.get(channel_id)
        if head is not None:
            head.tracking = element.text
        return head is not None

    def _set_home(self, channel_id: str, element: Element) -> bool:
        head = self.heads.get(channel_id)
        if head is not None:
            head.home = control.parse_home(element)
        return head is not None

    def _record(self, channel_id: str, element: Element) -> bool:
        if element.text == "Record":
            self._state.recording.add(channel_id)
        else:
            self._state.recording.discard(channel_id)
        return True

    def _guard(self, target_id: str, element: Element) -> bool:
        if element.text == "SetGuard":
            self._state.guarded.add(target_id)
        else:
            self._state.guarded.discard(target_id)
        return True

    def _format(self, _: str, element: Element) -> bool:
        number = parse_number(element.text)
        chosen = [each for each in self._cards if number in (0, each.card.number)]
        for each in chosen:
            each.formatted_from = self._state.now
        return bool(chosen)

    def _upgrade(self, _: str, element: Element) -> bool:
        session_id, url = element.value("SessionID"), element.value("FileURL")
        allowed = is_allowed(self._state, url) and control.is_session_id(session_id)
        if not allowed or not is_2022(self._state):
            return False
        self._state.emit(UpgradeRequested(session_id, element.value("Firmware"), url))
        return True

    def _card(self, kept: _Card) -> StorageCard:
        if kept.formatted_from is None:
            return kept.card
        share = (self._state.now - kept.formatted_from) / FORMAT_S
        if share >= 1:
            return replace(kept.card, free_mb=kept.card.capacity_mb)
        return replace(kept.card, status="formatting", format_percent=int(share * 100))


def handlers(state: DeviceState, controls: ControlState) -> Handlers:
    """DeviceControl, and the queries about heads and cards (the latter 2022)."""

    def query(
        answer: Callable[[PtzHead, Envelope, str], bytes | None],
    ) -> Callable[[Envelope], Iterable[bytes]]:
        def handle(envelope: Envelope) -> Iterable[bytes]:
            head = controls.heads.get(envelope.device_id, PtzHead())
            body = answer(head, envelope, state.profile.charset)
            return () if body is None else (body,)

        return handle

    def tell_presets(head: PtzHead, envelope: Envelope, charset: str) -> bytes:
        return presets.build_presets(
            envelope.device_id, envelope.sn, head.presets(), charset=charset
        )

    def tell_home(head: PtzHead, envelope: Envelope, charset: str) -> bytes:
        return ptz_queries.build_home_answer(
            envelope.device_id, envelope.sn, head.home, charset=charset
        )

    def tell_cruises(head: PtzHead, envelope: Envelope, charset: str) -> bytes:
        return ptz_queries.build_cruises(
            envelope.device_id, envelope.sn, head.cruises(), charset=charset
        )

    def tell_cruise(head: PtzHead, envelope: Envelope, charset: str) -> bytes:
        number = parse_number(envelope.body.value("Number")) or 0
        route = head.cruise(number) or ptz_queries.CruiseRoute(number)
        return ptz_queries.build_cruise(envelope.device_id, envelope.sn, route, charset=charset)

    def tell_position(head: PtzHead, envelope: Envelope, charset: str) -> bytes:
        position = head.position(state.now)
        return ptz_queries.build_position(
            envelope.device_id, envelope.sn, position, charset=charset
        )

    def tell_cards(envelope: Envelope) -> Iterable[bytes]:
        yield sd_card.build_cards(
            envelope.device_id, envelope.sn, controls.cards(), charset=state.profile.charset
        )

    both: Handlers = {
        (Root.CONTROL, control.COMMAND): controls.obey,
        (Root.QUERY, presets.COMMAND): query(tell_presets),
    }
    if not is_2022(state):
        return both
    return {
        **both,
        (Root.QUERY, ptz_queries.HOME): query(tell_home),
        (Root.QUERY, ptz_queries.CRUISES): query(tell_cruises),
        (Root.QUERY, ptz_queries.CRUISE): query(tell_cruise),
        (Root.QUERY, ptz_queries.POSITION): query(tell_position),
        (Root.QUERY, sd_card.COMMAND): tell_cards,
    }


def is_2022(state: DeviceState) -> bool:
    """Whether the device speaks the 2022 edition."""
    return state.profile.gb_version >= "3"


def is_allowed(state: DeviceState, url: str) -> bool:
    """Whether the device may fetch from or send to an address: the platform's own, or listed."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    allowed = {state.profile.server.host, *state.profile.allowed_hosts}
    return parts.scheme in ("http", "https") and host in allowed
