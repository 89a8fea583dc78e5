"""The registry as catalogues for upper platforms need it: everything at once, and made codes."""

from collections.abc import Iterator, Mapping

from peewee import Database

from channel_registry.errors import Conflict
from channel_registry.models import Channel, Device, NationalCode, Organisation
from channel_registry.queries.channels import channels_after
from channel_registry.queries.devices import all_devices
from channel_registry.queries.organisations import list_organisations
from channel_registry.statements import fetch, insert_all
from channel_registry.upper_records import DirectoryFacts

STEM = 14
"""Digits before the serial."""
FIRST_SERIAL, LAST_SERIAL = 900_001, 999_999
"""Makers and installers count from 1: made codes begin far above, then use what is left below."""


def directory_facts(database: Database, *, with_channels: bool = True) -> DirectoryFacts:
    """Channels, devices, organisations and made codes, as they are in one moment.

    Without channels for those who read them piece by piece (`channels_after`), so that others get
    their turn in between.
    """
    with database.atomic():
        return DirectoryFacts(
            channels=channels_after(database, "") if with_channels else (),
            devices=all_devices(database),
            organisations=list_organisations(database),
            national=national_codes(database),
        )


def national_codes(database: Database) -> dict[str, str]:
    """Every made code by what it was made for."""
    return {row["subject"]: row["code"] for row in fetch(NationalCode.select(), database)}


def make_national_codes(database: Database, stems: Mapping[str, str]) -> dict[str, str]:
    """Make a code for each subject that has none yet; answers the codes of all of them.

    `stems` gives the first 14 digits by subject (civil code, industry, type, network); the serial
    is the next that nothing here uses. Raises `Conflict` when a stem has no serial left.
    """
    with database.atomic():
        known = national_codes(database)
        missing = {subject: stem for subject, stem in stems.items() if subject not in known}
        rows: list[dict[str, str]] = []
        for stem in sorted(set(missing.values())):
            serials = _free_serials(stem, _used(database, stem))
            for subject in sorted(each for each, its in missing.items() if its == stem):
                code = next(serials, None)
                if code is None:
                    raise Conflict("national code", stem)
                rows.append({"subject": subject, "code": code})
        insert_all(NationalCode, rows, database)
    made = {row["subject"]: row["code"] for row in rows}
    return {subject: made.get(subject) or known[subject] for subject in stems}


def _free_serials(stem: str, used: set[str]) -> Iterator[str]:
    order = (*range(FIRST_SERIAL, LAST_SERIAL + 1), *range(1, FIRST_SERIAL))
    return (code for serial in order if (code := f"{stem}{serial:06d}") not in used)


def _used(database: Database, stem: str) -> set[str]:
    columns = (Channel.code, Device.id, Organisation.code, NationalCode.code)
    return {
        next(iter(row.values()))
        for column in columns
        for row in fetch(column.model.select(column).where(column.startswith(stem)), database)
    }
