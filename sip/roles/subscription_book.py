"""Which subscriptions there are, found by device and by Call-ID, and which of them is due next."""

from heapq import heapify, heappop, heappush

from sip.errors import SipError
from sip.gb28181.subscription import Topic
from sip.roles.subscription import Subscription

MOST_SUBSCRIPTIONS = 32_768
"""Three of each of 10,000 devices."""

TURN_S = 0.1


class SubscriptionBook:
    """All subscriptions of ours; each wanted one by its device and topic."""

    def __init__(self) -> None:
        self._by_device: dict[str, dict[Topic, Subscription]] = {}
        self._by_call_id: dict[str, Subscription] = {}
        self._due: list[tuple[float, int, Subscription]] = []
        self._order = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, device_id: str, topic: Topic) -> Subscription | None:
        """Return what is wanted of a device about a topic."""
        return self._by_device.get(device_id, {}).get(topic)

    def of_device(self, device_id: str) -> list[Subscription]:
        """Return all of a device, in the order of topics."""
        topics = self._by_device.get(device_id)
        return [topics[topic] for topic in Topic if topic in topics] if topics else []

    def of_call_id(self, call_id: str) -> Subscription | None:
        """Return the one whose dialog has this Call-ID."""
        return self._by_call_id.get(call_id)

    def add(self, subscription: Subscription) -> None:
        """Keep a new one; it takes the place of one that ends. Raises SipError when full."""
        if self._count >= MOST_SUBSCRIPTIONS:
            raise SipError("too many subscriptions")
        topics = self._by_device.setdefault(subscription.device_id, {})
        self._count += subscription.topic not in topics
        topics[subscription.topic] = subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget one, its dialog and its time."""
        self.close_dialog(subscription)
        subscription.due = None
        topics = self._by_device.get(subscription.device_id, {})
        if topics.get(subscription.topic) is subscription:
            del topics[subscription.topic]
            self._count -= 1
            if not topics:
                del self._by_device[subscription.device_id]

    def open_dialog(self, subscription: Subscription, call_id: str) -> None:
        """Begin a dialog under a Call-ID of its own."""
        self.close_dialog(subscription)
        subscription.call_id = call_id
        self._by_call_id[call_id] = subscription

    def close_dialog(self, subscription: Subscription) -> None:
        """Forget the dialog; what still comes in it belongs to nobody."""
        self._by_call_id.pop(subscription.call_id, None)
        subscription.call_id = ""
        subscription.transaction = None
        subscription.dialog = None

    def arm(self, subscription: Subscription, due: float) -> None:
        """Have one looked at when its time comes."""
        subscription.due = due
        if len(self._due) > 4 * self._count + 64:
            # Every refresh leaves an old entry behind.
            self._due = [entry for entry in self._due if entry[2].due == entry[0]]
            heapify(self._due)
        self._order += 1
        heappush(self._due, (due, self._order, subscription))

    def next_due(self) -> float | None:
        """Return when the next one is due."""
        while self._due and self._due[0][2].due != self._due[0][0]:
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self, now: float, most: int) -> list[Subscription]:
        """Return those that are due; more than `most` wait for the next turn."""
        taken: list[Subscription] = []
        while len(taken) < most and (due := self.next_due()) is not None and due <= now:
            subscription = heappop(self._due)[2]
            subscription.due = None
            taken.append(subscription)
        waiting: list[Subscription] = []
        while len(taken) == most and (due := self.next_due()) is not None and due <= now:
            subscription = heappop(self._due)[2]
            subscription.due = None
            waiting.append(subscription)
        for subscription in waiting:
            self.arm(subscription, now + TURN_S)
        return taken
