"""Names of preset positions: many devices of 2016 keep the number only."""

from peewee import Database

from channel_registry.literal import fit
from channel_registry.models import PresetName
from channel_registry.statements import fetch, insert, run

NAME_LIMIT = 255


def preset_names(database: Database, channel: str) -> dict[int, str]:
    """The names of a channel's presets by number."""
    rows = fetch(PresetName.select().where(PresetName.channel == channel), database)
    return {row["number"]: row["name"] for row in rows}


def name_preset(database: Database, channel: str, number: int, name: str) -> None:
    """Give a preset a name, in place of the one it had."""
    row = {"channel": channel, "number": number, "name": fit(name, NAME_LIMIT)[0]}
    with database.atomic():
        forget_preset(database, channel, number)
        insert(PresetName.insert(row), database)


def forget_preset(database: Database, channel: str, number: int) -> None:
    """Take a preset's name away; none is as well."""
    here = (PresetName.channel == channel) & (PresetName.number == number)
    run(PresetName.delete().where(here), database)
