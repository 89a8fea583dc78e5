"""Channels: found, listed, searched, named by the operator, proven by their frames."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from peewee import Case, Database, fn

from channel_registry.categories import BY_PREFIX, category_of, parse_category_code
from channel_registry.errors import InvalidFilter, UnknownChannel
from channel_registry.literal import fit, storable
from channel_registry.models import Channel, Device
from channel_registry.queries.organisations import get_organisation, subtree_ids
from channel_registry.records import (
    KEEP,
    CategorySource,
    ChannelFilter,
    ChannelRecord,
    Keep,
    Page,
    RegistryCounts,
)
from channel_registry.statements import Row, chunks, fetch, fetch_one, page_of, run

NAME_LIMIT = 255
NO_CATEGORY = "none"
MAX_QUERY = 100
MOBILE_TYPE = "138"
MOBILE_MARK = '"Info/MobileDeviceType"'

ONLINE = Device.online & Channel.says_on & Channel.missing_since.is_null()
"""A channel is online when its device is, says so, and lists it."""


def online_sum() -> Any:
    """How many channels of a group are online."""
    return fn.COALESCE(fn.SUM(Case(None, ((ONLINE, 1),), 0)), 0)


def get_channel(database: Database, code: str) -> ChannelRecord:
    """One channel; raises `UnknownChannel`."""
    record = find_channel(database, code)
    if record is None:
        raise UnknownChannel(code)
    return record


def find_channel(database: Database, code: str) -> ChannelRecord | None:
    """One channel, or none."""
    row = fetch_one(select_channels().where(Channel.code == code), database)
    return None if row is None else channel_record(row)


def channels_by_code(database: Database, codes: Iterable[str]) -> dict[str, ChannelRecord]:
    """Many channels at once; unknown codes are left out."""
    found: dict[str, ChannelRecord] = {}
    for chunk in chunks(codes):
        rows = fetch(select_channels().where(Channel.code.in_(chunk)), database)
        found.update({row["code"]: channel_record(row) for row in rows})
    return found


def channels_of_devices(database: Database, ids: Iterable[str]) -> dict[str, ChannelRecord]:
    """All channels of many devices, by code."""
    found: dict[str, ChannelRecord] = {}
    for chunk in chunks(ids):
        rows = fetch(select_channels().where(Channel.device.in_(chunk)), database)
        found.update({row["code"]: channel_record(row) for row in rows})
    return found


def channels_after(
    database: Database, code: str, limit: int | None = None
) -> tuple[ChannelRecord, ...]:
    """The channels behind a code (all behind an empty one), in the order of their codes."""
    query = select_channels().where(Channel.code > code).order_by(Channel.code).limit(limit)
    return tuple(channel_record(row) for row in fetch(query, database))


def channel_codes(
    database: Database, *, device_id: str | None = None, online: bool | None = None
) -> tuple[str, ...]:
    """The codes of all channels, or of one device's, in order."""
    query = Channel.select(Channel.code).join(Device).order_by(Channel.code)
    if device_id is not None:
        query = query.where(Channel.device == device_id)
    if online is not None:
        query = query.where(ONLINE if online else ~ONLINE)
    return tuple(row["code"] for row in fetch(query, database))


def devices_with_mobile_channels(database: Database, ids: Iterable[str]) -> frozenset[str]:
    """Those that are mobile transmission devices (138) or say so of a channel (2022)."""
    wanted = list(ids)
    found = {device_id for device_id in wanted if device_id[10:13] == MOBILE_TYPE}
    mobile = fn.SUBSTR(Channel.code, 11, 3) == MOBILE_TYPE
    mobile |= fn.REPLACE(Channel.extra, MOBILE_MARK, "") != Channel.extra
    for chunk in chunks(wanted):
        query = Channel.select(Channel.device.alias("owner")).where(
            Channel.device.in_(chunk), mobile
        )
        found |= {row["owner"] for row in fetch(query.distinct(), database)}
    return frozenset(found)


def list_channels(
    database: Database, wanted: ChannelFilter, *, page: int = 1, size: int = 50
) -> Page[ChannelRecord]:
    """Channels that pass the filter, in the order of their codes; raises `InvalidFilter`."""
    query = select_channels()
    for condition in _conditions(database, wanted):
        query = query.where(condition)
    return page_of(query, [Channel.code], channel_record, database, page=page, size=size)


def search(database: Database, q: str, *, limit: int = 50) -> tuple[ChannelRecord, ...]:
    """Channels whose name or code contains the text, in the order of their codes."""
    return list_channels(database, ChannelFilter(q=q), size=limit).items


def update_channel(
    database: Database,
    code: str,
    *,
    name: str | None | Keep = KEEP,
    category_code: str | None | Keep = KEEP,
    organisation_id: str | None | Keep = KEEP,
) -> ChannelRecord:
    """Change what the operator decides; a catalog never takes it back.

    None gives each back to the catalog (the organisation at its next answer). Raises
    `UnknownChannel`, `UnknownOrganisation`, `InvalidCode` for a category code.
    """
    with database.atomic():
        row = fetch_one(Channel.select().where(Channel.code == code), database)
        if row is None:
            raise UnknownChannel(code)
        changes: dict[str, Any] = {}
        if not isinstance(name, Keep):
            changes["given_name"] = fit(name or "", NAME_LIMIT)[0]
        if not isinstance(category_code, Keep):
            given = None if category_code is None else parse_category_code(category_code)
            changes["category_code"] = given
        if not isinstance(organisation_id, Keep):
            changes |= _placement(database, organisation_id)
        if changes:
            shown = row | changes
            changes["category"] = stored_category(shown)
            run(Channel.update(changes).where(Channel.code == code), database)
    return get_channel(database, code)


def prove_channels(database: Database, seen: Mapping[str, datetime]) -> None:
    """Note when frames of channels were seen last, many in one transaction."""
    with database.atomic():
        for code, at in seen.items():
            run(Channel.update(proven_at=at).where(Channel.code == code), database)


def delete_channel(database: Database, code: str) -> None:
    """Remove a channel by hand; a catalog that lists it again adds it again."""
    if not run(Channel.delete().where(Channel.code == code), database):
        raise UnknownChannel(code)


def counts(database: Database) -> RegistryCounts:
    """The figures of the status line, from two aggregates."""
    devices = Device.select(
        fn.COUNT(Device.id).alias("devices"),
        fn.COALESCE(fn.SUM(Case(None, ((Device.online, 1),), 0)), 0).alias("devices_online"),
    )
    channels = Channel.select(
        fn.COUNT(Channel.code).alias("channels"),
        online_sum().alias("channels_online"),
        fn.COUNT(Channel.proven_at).alias("channels_proven"),
        fn.COUNT(Channel.missing_since).alias("channels_missing"),
    ).join(Device)
    figures = (fetch_one(devices, database) or {}) | (fetch_one(channels, database) or {})
    return RegistryCounts(**{name: _number(value) for name, value in figures.items()})


def _number(value: Any) -> int:
    """Aggregates of time columns come converted as times: only their count is wanted."""
    return int(value)


def stored_category(row: Mapping[str, Any]) -> str | None:
    """The category prefix to store with a row's names and assigned code."""
    return category_of(row["given_name"] or row["reported_name"], row["category_code"])[0]


def select_channels() -> Any:
    """Channels with what their device adds."""
    return Channel.select(
        Channel,
        Device.name.alias("device_given_name"),
        Device.reported_name.alias("device_reported_name"),
        Device.registered.alias("registered"),
        Device.online.alias("device_online"),
    ).join(Device)


def channel_record(row: Row) -> ChannelRecord:
    """The record of a row of `select_channels`."""
    assigned = row["category_code"] is not None
    guessed = CategorySource.NONE if row["category"] is None else CategorySource.GUESSED
    return ChannelRecord(
        **{name: row[name] for name in _COPIED},
        device_id=row["device"],
        device_name=row["device_given_name"] or row["device_reported_name"] or row["device"],
        name=row["given_name"] or row["reported_name"],
        organisation_id=row["organisation"],
        category_source=CategorySource.ASSIGNED if assigned else guessed,
        online=bool(row["device_online"] and row["says_on"] and row["missing_since"] is None),
    )


_COPIED = (
    "code",
    "reported_name",
    "parent_id",
    "civil_code",
    "organisation_given",
    "category",
    "category_code",
    "registered",
    "says_on",
    "proven_at",
    "missing_since",
    "manufacturer",
    "model",
    "owner",
    "address",
    "ptz_type",
    "longitude",
    "latitude",
    "note",
    "extra",
    "first_seen_at",
    "updated_at",
)


def _placement(database: Database, organisation_id: str | None) -> dict[str, Any]:
    if organisation_id is None:
        return {"organisation_given": False}
    get_organisation(database, organisation_id)
    return {"organisation": organisation_id, "organisation_given": True}


def _conditions(database: Database, wanted: ChannelFilter) -> Iterable[Any]:
    if wanted.device is not None:
        yield Channel.device == wanted.device
    if wanted.online is not None:
        yield ONLINE if wanted.online else ~ONLINE
    if wanted.missing is not None:
        yield Channel.missing_since.is_null(not wanted.missing)
    if wanted.category is not None:
        yield _in_category(wanted.category)
    if wanted.organisation is not None:
        yield _in_organisation(database, wanted.organisation)
    if wanted.q.strip():
        yield _matches(wanted.q)


def _in_category(category: str) -> Any:
    if category == NO_CATEGORY:
        return Channel.category.is_null()
    if category in BY_PREFIX:
        return Channel.category == category
    if len(category) == 4:
        return Channel.category_code == category
    raise InvalidFilter("category", "01 to 36, a 4-digit code, or none")


def _in_organisation(database: Database, organisation: str) -> Any:
    """In it, below it, or right under a device that is in it."""
    ids = subtree_ids(database, organisation)
    devices = Device.select(Device.id).where(Device.organisation.in_(ids))
    return Channel.organisation.in_(ids) | Channel.device.in_(devices)


def _matches(q: str) -> Any:
    text = storable(q)[:MAX_QUERY]
    digits = text.replace(" ", "")
    named = Channel.given_name.contains(text) | Channel.reported_name.contains(text)
    return named | Channel.code.contains(digits) if digits.isdigit() else named
