"""The SIP server without its sockets: the one object that a transport drives.

Joins the transaction layer with the roles. Bytes and time go in, bytes and events come out; the
five methods of every sans-IO part of this project, plus what vms may ask for. Never raises over
what a peer sends.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sip.events import Event
from sip.gb28181.mansrtsp import PlaybackCommand
from sip.gb28181.query import DeviceStatus
from sip.gb28181.question import Question
from sip.gb28181.quirks import QuirkFinder, Quirks, by_user_agent
from sip.gb28181.ssrc import SsrcPool
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Authenticator, Credential
from sip.roles.bindings import Binding, RegistrationSnapshot
from sip.roles.broadcaster import Broadcaster
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.roles.conduct import Conduct
from sip.roles.config import SipConfig
from sip.roles.dispatch import Dispatcher, Roles
from sip.roles.doubts import Doubts
from sip.roles.floodgate import FloodGate
from sip.roles.inquiry import Inquiries, InquiryEnded, PeerUnreachable
from sip.roles.invitation import Inviter
from sip.roles.messages import MessageDesk
from sip.roles.messenger import Messenger
from sip.roles.playback import ControlEnded, PlaybackControls
from sip.roles.registrar import Registrar
from sip.roles.rules import RegistrationRule
from sip.roles.subscriber import Subscriber
from sip.roles.subscription import SubscriptionStatus
from sip.roles.upward.terms import UplinkEvent, UpperSent
from sip.roles.upward.uppers import Uppers
from sip.roles.voice_call import VoiceEvent
from sip.trace.ring import Trace
from sip.transactions import (
    TransactionLayer,
)

MOST_EVENTS = 65_536
"""The shell takes events after every packet; only a shell that has stopped lets them pile up."""

NUMBERS_PER_S = 1_000_000
"""More messages than any server sees; the numbers stay exact in JSON until 2255."""

Notice = (
    Event | InquiryEnded | InvitationAnswered | InvitationRefused | ControlEnded | VoiceEvent
    | UplinkEvent | UpperSent
)  # fmt: skip
"""What `next_event` returns: news for everybody, and ends of what one caller asked for."""


class Endpoint:
    """One SIP server."""

    def __init__(
        self,
        config: SipConfig,
        credentials: Callable[[str], Credential | None],
        wall: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
        quirks: QuirkFinder = by_user_agent,
    ) -> None:
        self._config = config
        self._wall = wall
        self._events: deque[Notice] = deque()
        self.dropped_events = 0
        # Counted from the time of the day: a reader's place in the trace outlives a restart.
        begin = int(wall().timestamp() * NUMBERS_PER_S)
        self.trace = Trace(config.trace_messages, config.trace_bytes, begin)

        def ids() -> str:
            return random_bytes(10).hex()

        self._layer = TransactionLayer(ids, (config.advertised_host, config.port))

        def quirks_of(device_id: str) -> Quirks:
            binding = self._registrar.bindings.get(device_id)
            return quirks(device_id, binding.user_agent if binding is not None else "")

        own_names = frozenset({config.server_id, config.domain, config.advertised_host})
        authenticator = Authenticator(
            config.digest_realm,
            credentials,
            random_bytes(32),
            own_names,
            offers_qop=config.offers_qop,
        )
        messenger = Messenger(config, self._layer, ids)
        emit = self._emit
        self._conduct = Conduct(emit, wall)
        self._registrar = Registrar(config, authenticator, emit, wall)
        self._gate = FloodGate(
            config.stranger_messages_per_s,
            config.device_messages_per_s,
            self._registrar.bindings.count_on_route,
            lambda host: self.uppers.is_at(host),
        )
        self.doubts = Doubts(
            self._registrar, lambda event, now: self._dispatcher.answer(event, now)
        )
        self._inquiries = Inquiries(config, messenger, emit)
        self._ssrcs = SsrcPool(config.server_id, random_bytes)
        self._inviter = Inviter(
            config,
            self._layer,
            messenger,
            self._registrar.bindings,
            self._ssrcs,
            emit,
            wall,
            quirks,
        )
        self._subscriber = Subscriber(
            config, self._layer, messenger, self._registrar.bindings, emit, wall
        )
        self._controls = PlaybackControls(self._layer, messenger, self._inviter, emit, quirks_of)
        self._broadcaster = Broadcaster(
            config, self._layer, messenger, self._registrar.bindings, self._ssrcs, emit, quirks
        )
        self._desk = MessageDesk(
            config, self._registrar, self._inquiries, messenger, self._conduct, emit, wall
        )
        self._desk.answers.append(self._broadcaster.receive_answer)
        self.uppers = Uppers(config, self._layer, ids, emit, wall, self._ssrcs)
        self._dispatcher = Dispatcher(
            self._layer,
            Roles(
                registrar=self._registrar,
                inquiries=self._inquiries,
                inviter=self._inviter,
                controls=self._controls,
                subscriber=self._subscriber,
                broadcaster=self._broadcaster,
                desk=self._desk,
                conduct=self._conduct,
                doubts=self.doubts,
                uppers=self.uppers,
            ),
        )

    # What a transport drives

    def receive(self, data: bytes, peer: Peer, now: float) -> None:
        """Take one datagram, or one message cut out of a TCP stream."""
        if not self._gate.admits(peer, now):
            self._conduct.note(peer, "flood", data)
            return
        self.trace.received(data, peer, now)
        for event in self._layer.receive_data(data, peer, now):
            self._dispatcher.handle(event, now)

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        """Return and forget the packets that wait to be sent."""
        packets = self._layer.data_to_send(now)
        self.trace.sent(packets, now)
        return packets

    def next_event(self) -> Notice | None:
        """Return the oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is to be called; a time gone by means at once."""
        times = (
            self._layer.next_timer(),
            self._registrar.next_timer(),
            self.doubts.next_timer(),
            self._inquiries.next_timer(),
            self._inviter.next_timer(),
            self._subscriber.next_timer(),
            self._broadcaster.next_timer(),
            self._desk.next_timer(),
            self.uppers.next_timer(),
        )
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for event in self._layer.handle_timer(now):
            self._dispatcher.handle(event, now)
        self.doubts.handle_timer(now)
        self._desk.handle_timer(now)
        self._inquiries.handle_timer(now, self._desk.has_unread)
        self._inviter.handle_timer(now)
        self._subscriber.handle_timer(now)
        self._broadcaster.handle_timer(now)
        self.uppers.handle_timer(now)
        for device_id in self._registrar.handle_timer(now):
            self._release(device_id, now)

    def connection_lost(self, peer: Peer, now: float, reason: str = "") -> None:
        """Take the loss of a TCP connection, whose devices are offline, or of one packet."""
        if peer.connection is not None:
            for device_id in self._registrar.connection_lost(peer, now):
                self._release(device_id, now)
        self.uppers.connection_lost(peer, now)
        for event in self._layer.connection_lost(peer, now, reason):
            self._dispatcher.handle(event, now)

    # What vms may ask for

    def use_port(self, port: int) -> None:
        """Tell the port we are bound to, for Via and Contact."""
        self._layer.sent_by = (self._config.advertised_host, port)

    def ask(
        self, device_id: str, question: Question[Any], now: float, timeout_s: float | None = None
    ) -> int:
        """Ask a device; InquiryEnded carries the returned key. Raises PeerUnreachable."""
        return self._inquiries.ask(self._binding(device_id), question, now, timeout_s)

    def invite(self, device_id: str, channel_id: str, offer: MediaOffer, now: float) -> str:
        """Invite; an InvitationAnswered or InvitationRefused follows. Raises PeerUnreachable."""
        return self._inviter.invite(self._binding(device_id), channel_id, offer, now)

    def control_playback(self, invitation_id: str, command: PlaybackCommand, now: float) -> str:
        """Control a playback; ControlEnded carries the returned key. Raises PeerUnreachable."""
        return self._controls.control(invitation_id, command, now)

    def bye(self, invitation_id: str, now: float) -> None:
        """End an invitation; again and again is fine."""
        self._inviter.bye(invitation_id, now)

    def end_invitations(self, now: float) -> None:
        """Say goodbye in every session: the server stops."""
        self._inviter.end_all(now)
        self._broadcaster.end_all(now)

    def open_broadcast(self, device_id: str, target_id: str, now: float) -> str:
        """Tell a device that we speak; it calls: VoiceRequested. Raises PeerUnreachable."""
        return self._broadcaster.open(self._binding(device_id), target_id, now)

    def accept_voice(self, call_id: str, host: str, port: int, now: float) -> int | None:
        """Answer a device's call; returns the SSRC to send with, None when it is gone."""
        return self._broadcaster.accept(call_id, host, port, now)

    def refuse_voice(self, call_id: str, status: int, now: float) -> None:
        """Refuse a device's call."""
        self._broadcaster.refuse(call_id, status, now)

    def end_broadcast(self, broadcast_id: str, now: float) -> None:
        """End a broadcast with all its calls; again and again is fine."""
        self._broadcaster.end(broadcast_id, now)

    def follow(self, device_id: str, wish: Wish, now: float) -> None:
        """Want a subscription; SubscriptionChanged tells what becomes of it. Raises SipError."""
        self._subscriber.follow(device_id, wish, now)

    def unfollow(self, device_id: str, topic: Topic, now: float) -> None:
        """Take the wish back."""
        self._subscriber.unfollow(device_id, topic, now)

    def subscriptions(self, device_id: str) -> tuple[SubscriptionStatus, ...]:
        """Return what is wanted of a device and what has become of it."""
        return self._subscriber.statuses(device_id)

    def new_ssrc(self, now: float, *, is_history: bool = False) -> int:
        """Return a number for y= that no stream of ours uses; raises NoSsrcLeft."""
        return self._ssrcs.take(now, is_history=is_history)

    def is_registered(self, device_id: str) -> bool:
        """Whether the device is online now."""
        binding = self._registrar.bindings.get(device_id)
        return binding is not None and not binding.is_silent

    def registrations(self, now: float) -> list[RegistrationSnapshot]:
        """Return all bindings in a form that survives a restart."""
        return self._registrar.bindings.snapshot(now, self._wall())

    def registration(self, device_id: str, now: float) -> RegistrationSnapshot | None:
        """Return one binding."""
        return self._registrar.bindings.snapshot_of(device_id, now, self._wall())

    def set_rule(self, device_id: str, rule: RegistrationRule | None) -> None:
        """Treat a device, or ALL_DEVICES, otherwise when it registers; None: as the settings."""
        self._registrar.rules.set(device_id, rule)

    def learn_heartbeat(self, device_id: str, interval_s: float, count: int) -> None:
        """Take the keepalive settings that a device's BasicParam tells."""
        self._registrar.learn_heartbeat(device_id, interval_s, count)

    def restore(self, snapshots: Iterable[RegistrationSnapshot], now: float) -> int:
        """Take bindings back; returns how many still run."""
        return self._registrar.bindings.restore(snapshots, now, self._wall())

    def forget(self, device_id: str, now: float) -> None:
        """Drop a device that was deleted, with everything it has open."""
        if self._registrar.forget(device_id):
            self._release(device_id, now)
        self._subscriber.forget(device_id)

    def stats(self) -> dict[str, int]:
        """Return all counters by name."""
        counted: Counter[str] = Counter(self._layer.counters)
        counted.update({f"misbehaved.{name}": n for name, n in self._conduct.counters.items()})
        counted.update(self._desk.counters)
        counted.update(self._subscriber.counters)
        counted.update(self.uppers.stats())
        counted.update({f"voice.{name}": n for name, n in self._broadcaster.counters.items()})
        counted.update(
            {
                "bindings": len(self._registrar.bindings),
                "invitations": len(self._inviter),
                "invitations.foreign_answers": self._inviter.foreign_answers,
                "inquiries": len(self._inquiries),
                "registrations.put_off": self._registrar.put_off,
                "registrations.waiting": len(self.doubts),
                "subscriptions": len(self._subscriber),
                "flood.dropped": self._gate.refused,
                "flood.sources": len(self._gate),
                "controls": len(self._controls),
                "broadcasts": len(self._broadcaster),
                "events.dropped": self.dropped_events,
                **{f"transactions.{name}": n for name, n in self._layer.sizes.items()},
                **{f"trace.{name}": n for name, n in self.trace.sizes().items()},
            }
        )
        return dict(counted)

    # Inside

    def _emit(self, event: Notice) -> None:
        if isinstance(event, InquiryEnded) and isinstance(event.outcome, DeviceStatus):
            self._registrar.check_clock(event.outcome.device_id, event.outcome.device_time)
        if len(self._events) >= MOST_EVENTS:
            self.dropped_events += 1
        else:
            self._events.append(event)

    def _binding(self, device_id: str) -> Binding:
        binding = self._registrar.bindings.get(device_id)
        if binding is None:
            raise PeerUnreachable("the device is not registered")
        return binding

    def _release(self, device_id: str, now: float) -> None:
        self._inviter.end_device(device_id, now)
        self._broadcaster.end_device(device_id, now)
        self._inquiries.forget_device(device_id)
        self._subscriber.release(device_id)
