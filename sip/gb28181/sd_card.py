"""SDCardStatus: the storage cards of a device (GB/T 28181-2022 A.2.4.14, A.2.6.16)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope, parse_number
from sip.gb28181.question import Question, ask_once, read_result
from sip.gb28181.xml import items_of

COMMAND = "SDCardStatus"
LONGEST_TEXT = 128
MOST_CARDS = 64


@dataclass(frozen=True, slots=True)
class StorageCard:
    """One card."""

    number: int
    name: str = ""
    status: str = ""
    """`ok`, `formatting`, `unformatted`, `idle`, `error`, lower case; else as sent."""
    format_percent: int | None = None
    capacity_mb: int | None = None
    free_mb: int | None = None


def ask_cards(device_id: str = "") -> Question[tuple[StorageCard, ...]]:
    """Ask for the state of every card."""
    return ask_once(COMMAND, parse_cards, target_id=device_id)


def parse_cards(envelope: Envelope) -> tuple[StorageCard, ...]:
    """Read an answer; cards without a number count up. Raises QueryFailed."""
    read_result(envelope)
    return tuple(
        StorageCard(
            number=parse_number(item.value("ID")) or index,
            name=item.value("HddName")[:LONGEST_TEXT],
            status=item.value("Status").lower()[:LONGEST_TEXT],
            format_percent=parse_number(item.value("FormatProgress")),
            capacity_mb=parse_number(item.value("Capacity")),
            free_mb=parse_number(item.value("FreeSpace")),
        )
        for index, item in enumerate(
            items_of(envelope.body.child("SDCardStatusInfo"))[:MOST_CARDS], 1
        )
    )


def build_cards(
    device_id: str, sn: int, cards: Iterable[StorageCard], *, charset: str = "GB2312"
) -> bytes:
    """Write an answer."""
    items: list[Field] = [("Item", _card_fields(card)) for card in cards]
    count = len(items)
    fields: list[Field] = [("SumNum", str(count)), (f'SDCardStatusInfo Num="{count}"', items)]
    return build_envelope(Root.RESPONSE, COMMAND, sn, device_id, fields, charset=charset)


def _card_fields(card: StorageCard) -> list[Field]:
    fields: list[Field] = [
        ("ID", str(card.number)),
        ("HddName", card.name),
        ("Status", card.status),
    ]
    for name, value in (
        ("FormatProgress", card.format_percent),
        ("Capacity", card.capacity_mb),
        ("FreeSpace", card.free_mb),
    ):
        if value is not None:
            fields.append((name, str(value)))
    return fields
