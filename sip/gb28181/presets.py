"""PresetQuery: the named positions of a head (GB/T 28181-2022 A.2.4.8, A.2.6.9)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope, parse_number
from sip.gb28181.ptz import HIGHEST_PRESET
from sip.gb28181.question import Question, ask_once, read_result
from sip.gb28181.xml import items_of

COMMAND = "PresetQuery"
LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class NamedPreset:
    """One position that the device has kept."""

    number: int
    """1 to 255."""
    name: str = ""


def ask_presets(channel_id: str) -> Question[tuple[NamedPreset, ...]]:
    """Ask which positions a channel has."""
    return ask_once(COMMAND, parse_presets, target_id=channel_id)


def parse_presets(envelope: Envelope) -> tuple[NamedPreset, ...]:
    """Read an answer, by number; a number told twice counts once. Raises QueryFailed."""
    read_result(envelope)
    found: dict[int, NamedPreset] = {}
    for item in items_of(envelope.body.child("PresetList")):
        number = parse_number(item.value("PresetID"))
        if number is not None and 1 <= number <= HIGHEST_PRESET:
            found[number] = NamedPreset(number, item.value("PresetName")[:LONGEST_NAME])
    return tuple(found[number] for number in sorted(found))


def build_presets(
    channel_id: str, sn: int, presets: Iterable[NamedPreset], *, charset: str = "GB2312"
) -> bytes:
    """Write an answer; Num is 0 when there is none."""
    items: list[Field] = [
        ("Item", [("PresetID", str(preset.number)), ("PresetName", preset.name)])
        for preset in presets
    ]
    count = len(items)
    fields: list[Field] = [("SumNum", str(count)), (f'PresetList Num="{count}"', items)]
    return build_envelope(Root.RESPONSE, COMMAND, sn, channel_id, fields, charset=charset)
