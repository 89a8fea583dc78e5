"""Two layers over a network in memory that loses, delays, repeats and reorders."""

import heapq
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.message import Peer, build_response
from sip.transactions import (
    AckReceived,
    Dialog,
    Event,
    RequestReceived,
    ResponseReceived,
    TransactionLayer,
    TransactionTimedOut,
)

CLIENT = Peer("udp", "192.0.2.1", 5060)
SERVER = Peer("udp", "192.0.2.101", 5060)
END = 200.0


class Network:
    """Carries packets between two layers in virtual time."""

    def __init__(self, kit: Any, *, seed: int, loss: float, copies: int, delay: float) -> None:
        self.layers = {CLIENT: kit.new_layer(CLIENT.host), SERVER: kit.new_layer(SERVER.host)}
        self.now = 0.0
        self.events: list[tuple[Peer, Event]] = []
        self._random = random.Random(seed)
        self._loss = loss
        self._copies = copies
        self._delay = delay
        self._air: list[tuple[float, int, Peer, Peer, bytes]] = []
        self._count = 0

    @property
    def client(self) -> TransactionLayer:
        return self.layers[CLIENT]

    @property
    def server(self) -> TransactionLayer:
        return self.layers[SERVER]

    def run(self, handle: Any) -> None:
        """Let everything happen until nothing is left to happen."""
        while self.now < END:
            self._carry()
            times = [layer.next_timer() for layer in self.layers.values()]
            when = min(
                [t for t in times if t is not None] + [packet[0] for packet in self._air[:1]],
                default=END,
            )
            self.now = max(self.now, when)
            for place, layer in self.layers.items():
                self._tell(place, layer.handle_timer(self.now), handle)
            while self._air and self._air[0][0] <= self.now:
                _, _, source, target, data = heapq.heappop(self._air)
                self._tell(target, self.layers[target].receive_data(data, source, self.now), handle)

    def _tell(self, place: Peer, events: list[Event], handle: Any) -> None:
        for event in events:
            self.events.append((place, event))
            handle(place, event)

    def _carry(self) -> None:
        for place, layer in self.layers.items():
            for data, target in layer.data_to_send(self.now):
                for _ in range(self._random.randint(1, self._copies)):
                    if self._random.random() >= self._loss:
                        self._count += 1
                        arrival = self.now + self._random.random() * self._delay
                        packet = (arrival, self._count, place, target, data)
                        heapq.heappush(self._air, packet)

    def seen(self, place: Peer, kind: type) -> list[Any]:
        return [event for where, event in self.events if where == place and isinstance(event, kind)]

    def assert_everything_ended(self) -> None:
        for layer in self.layers.values():
            assert layer.sizes["servers"] == layer.sizes["clients"] == 0
            assert layer.next_timer() is None


ROUGH = {
    "seed": st.integers(0, 10**6),
    "loss": st.sampled_from([0.0, 0.2, 0.4]),
    "copies": st.integers(1, 7),
    "delay": st.sampled_from([0.01, 0.3, 5.0]),
}


@settings(max_examples=60, deadline=None)
@given(**ROUGH)
def test_a_message_is_handled_once_however_rough_the_network(
    kit: Any, seed: int, loss: float, copies: int, delay: float
) -> None:
    network = Network(kit, seed=seed, loss=loss, copies=copies, delay=delay)
    network.client.send_request(kit.request(), SERVER, 0.0)

    def handle(place: Peer, event: Event) -> None:
        if isinstance(event, RequestReceived):
            answer = build_response(event.request, 200)
            network.server.respond(event.transaction, answer, network.now)

    network.run(handle)
    assert len(network.seen(SERVER, RequestReceived)) <= 1
    outcomes = network.seen(CLIENT, ResponseReceived) + network.seen(CLIENT, TransactionTimedOut)
    assert len(outcomes) == 1
    if loss == 0.0:
        assert len(network.seen(CLIENT, ResponseReceived)) == 1
    network.assert_everything_ended()


@settings(max_examples=60, deadline=None)
@given(**ROUGH)
def test_an_invite_makes_one_dialog_however_rough_the_network(
    kit: Any, seed: int, loss: float, copies: int, delay: float
) -> None:
    network = Network(kit, seed=seed, loss=loss, copies=copies, delay=delay)
    network.client.send_request(kit.request("INVITE"), SERVER, 0.0)
    dialogs: list[Dialog] = []

    def handle(place: Peer, event: Event) -> None:
        if isinstance(event, RequestReceived):
            contact = [("Contact", "<sip:34020000001320000001@192.0.2.101>")]
            answer = build_response(event.request, 200, headers=contact)
            network.server.respond(event.transaction, answer, network.now)
        elif isinstance(event, ResponseReceived) and event.response.is_success:
            if event.transaction is not None:
                invite = event.transaction.request
                dialogs.append(Dialog.create_uac(invite, event.response, SERVER))
                ack = dialogs[-1].build_ack(invite)
                network.client.send_ack(event.transaction, ack, network.now)

    network.run(handle)
    assert len(network.seen(SERVER, RequestReceived)) <= 1
    assert len(dialogs) <= 1
    assert len([e for e in network.seen(SERVER, AckReceived) if e.transaction]) <= 1
    if loss == 0.0:
        assert len(dialogs) == 1
    network.assert_everything_ended()
