"""Devices: made and changed by the operator, described by themselves."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from peewee import JOIN, Database, IntegrityError, fn

from channel_registry.codes import ChannelCode
from channel_registry.errors import Conflict, UnknownDevice, UnknownOrganisation
from channel_registry.literal import fit
from channel_registry.models import Channel, Device, Organisation
from channel_registry.queries.organisations import subtree_ids
from channel_registry.queries.rules import delete_rule
from channel_registry.records import (
    KEEP,
    DeviceCredential,
    DeviceMake,
    DeviceRecord,
    Keep,
    MediaTransport,
    Page,
)
from channel_registry.statements import (
    Row,
    chunks,
    count,
    fetch,
    fetch_one,
    insert,
    page_of,
    run,
)

NAME_LIMIT = 255


def add_device(
    database: Database,
    device_id: str,
    *,
    at: datetime,
    name: str = "",
    secret: str | None = None,
    username: str | None = None,
    media_transport: MediaTransport = MediaTransport.UDP,
    organisation_id: str | None = None,
) -> DeviceRecord:
    """Let a device in; raises `InvalidCode`, `Conflict`, `UnknownOrganisation`.

    `secret` is the encrypted password, opaque to this package.
    """
    code = ChannelCode.parse(device_id)
    row = _blank_device(code, at) | {
        "name": fit(name, NAME_LIMIT)[0],
        "secret": secret,
        "username": username,
        "media_transport": media_transport.value,
        "organisation": organisation_id,
    }
    with database.atomic():
        if count(Device.select().where(Device.id == str(code)), database):
            raise Conflict("device", code)
        _require_organisation(database, organisation_id)
        try:
            insert(Device.insert(row), database)
        except IntegrityError as error:  # another process was faster
            raise Conflict("device", code) from error
    return get_device(database, code)


def get_device(database: Database, device_id: str) -> DeviceRecord:
    """One device; raises `UnknownDevice`."""
    record = find_device(database, device_id)
    if record is None:
        raise UnknownDevice(device_id)
    return record


def find_device(database: Database, device_id: str) -> DeviceRecord | None:
    """One device, or none."""
    row = fetch_one(_devices().where(Device.id == device_id), database)
    return None if row is None else _device_record(row)


def all_devices(database: Database) -> tuple[DeviceRecord, ...]:
    """Every device, in the order of their ids."""
    return tuple(_device_record(row) for row in fetch(_devices().order_by(Device.id), database))


def list_devices(
    database: Database,
    *,
    q: str = "",
    online: bool | None = None,
    organisation: str | None = None,
    page: int = 1,
    size: int = 50,
) -> Page[DeviceRecord]:
    """Devices in the order of their ids; `q` is part of a name or of an id."""
    query = _devices()
    if q:
        query = query.where(
            Device.name.contains(q) | Device.reported_name.contains(q) | Device.id.contains(q)
        )
    if online is not None:
        query = query.where(Device.online if online else ~Device.online)
    if organisation is not None:
        query = query.where(Device.organisation.in_(subtree_ids(database, organisation)))
    return page_of(query, [Device.id], _device_record, database, page=page, size=size)


def update_device(
    database: Database,
    device_id: str,
    *,
    name: str | Keep = KEEP,
    username: str | None | Keep = KEEP,
    media_transport: MediaTransport | Keep = KEEP,
    organisation_id: str | None | Keep = KEEP,
) -> DeviceRecord:
    """Change what the operator decides; raises `UnknownDevice`, `UnknownOrganisation`.

    An empty name shows the device's own again.
    """
    changes: dict[str, Any] = {}
    if not isinstance(name, Keep):
        changes["name"] = fit(name, NAME_LIMIT)[0]
    if not isinstance(username, Keep):
        changes["username"] = username
    if not isinstance(media_transport, Keep):
        changes["media_transport"] = media_transport.value
    if not isinstance(organisation_id, Keep):
        changes["organisation"] = organisation_id
    with database.atomic():
        if "organisation" in changes:
            _require_organisation(database, changes["organisation"])
        if changes:
            _update(database, device_id, changes)
    return get_device(database, device_id)


def set_device_secret(database: Database, device_id: str, secret: str | None) -> None:
    """Store a new encrypted password, or take it away; raises `UnknownDevice`."""
    _update(database, device_id, {"secret": secret})


def set_device_info(
    database: Database,
    device_id: str,
    *,
    name: str = "",
    manufacturer: str = "",
    model: str = "",
    firmware: str = "",
) -> DeviceRecord:
    """Store what the device answers about itself; empty answers change nothing."""
    set_device_infos(database, {device_id: (name, manufacturer, model, firmware)})
    return get_device(database, device_id)


def set_device_infos(database: Database, infos: Mapping[str, tuple[str, str, str, str]]) -> None:
    """The same for many: name, manufacturer, model and firmware; unknown devices are left out.

    What is stored already is not written again: after a power cut all of them say the same.
    """
    columns = ("reported_name", "manufacturer", "model", "firmware")
    with database.atomic():
        for ids in chunks(infos):
            query = Device.select(Device.id, *(getattr(Device, name) for name in columns))
            for row in fetch(query.where(Device.id.in_(ids)), database):
                said = {
                    name: fit(text, NAME_LIMIT)[0]
                    for name, text in zip(columns, infos[row["id"]], strict=True)
                }
                changes = {name: text for name, text in said.items() if text and text != row[name]}
                if changes:
                    _update(database, row["id"], changes)


def delete_device(database: Database, device_id: str) -> tuple[str, ...]:
    """Remove a device with its channels and organisations; answers the codes of the channels."""
    with database.atomic():
        codes = Channel.select(Channel.code).where(Channel.device == device_id)
        gone = tuple(row["code"] for row in fetch(codes.order_by(Channel.code), database))
        if not run(Device.delete().where(Device.id == device_id), database):
            raise UnknownDevice(device_id)
        run(Organisation.delete().where(Organisation.device_id == device_id), database)
        delete_rule(database, device_id)
    return gone


def device_credentials(database: Database) -> tuple[DeviceCredential, ...]:
    """What the registrar keeps in memory, for every device."""
    query = Device.select(Device.id, Device.secret, Device.username).order_by(Device.id)
    return tuple(_credential(row) for row in fetch(query, database))


def device_credential(database: Database, device_id: str) -> DeviceCredential | None:
    """The same for one device, or none when it may not come in."""
    query = Device.select(Device.id, Device.secret, Device.username).where(Device.id == device_id)
    row = fetch_one(query, database)
    return None if row is None else _credential(row)


def device_makes(database: Database) -> tuple[DeviceMake, ...]:
    """What every device says of itself, as far as it has said anything."""
    told = (Device.manufacturer, Device.model, Device.firmware, Device.user_agent)
    named = (told[0] != "") | (told[1] != "") | (told[2] != "") | (told[3] != "")
    query = Device.select(Device.id, *told)
    return tuple(
        DeviceMake(row["id"], row["manufacturer"], row["model"], row["firmware"], row["user_agent"])
        for row in fetch(query.where(named), database)
    )


def known_devices(database: Database, ids: Iterable[str]) -> frozenset[str]:
    """Those of the ids that are devices of ours."""
    found: set[str] = set()
    for chunk in chunks(ids):
        query = Device.select(Device.id).where(Device.id.in_(chunk))
        found.update(row["id"] for row in fetch(query, database))
    return frozenset(found)


def _credential(row: Row) -> DeviceCredential:
    return DeviceCredential(row["id"], row["secret"], row["username"])


def _blank_device(device_id: str, at: datetime) -> Row:
    empty = ("name", "reported_name", "manufacturer", "model", "firmware", "user_agent")
    more = ("gb_version", "contact", "cause")
    flags = ("registered", "online", "catalog_complete")
    return {
        "id": str(device_id),
        "created_at": at,
        **dict.fromkeys((*empty, *more), ""),
        **dict.fromkeys(flags, False),
    }


def _devices() -> Any:
    channels = (
        Channel.select(Channel.device, fn.COUNT(Channel.code).alias("channel_count"))
        .group_by(Channel.device)
        .alias("counted")
    )
    return Device.select(
        Device, fn.COALESCE(channels.c.channel_count, 0).alias("channel_count")
    ).join(channels, JOIN.LEFT_OUTER, on=(channels.c.device_id == Device.id))


def _device_record(row: Row) -> DeviceRecord:
    copied = {name: row[name] for name in _COPIED}
    return DeviceRecord(
        **copied,
        name=row["name"] or row["reported_name"] or row["id"],
        password_set=row["secret"] is not None,
        media_transport=MediaTransport(row["media_transport"]),
        organisation_id=row["organisation"],
        channel_count=int(row["channel_count"]),
    )


_COPIED = (
    "id",
    "manufacturer",
    "model",
    "firmware",
    "user_agent",
    "gb_version",
    "transport",
    "host",
    "port",
    "registered",
    "registered_at",
    "expires_at",
    "last_seen_at",
    "online",
    "state_since",
    "cause",
    "catalog_at",
    "catalog_complete",
    "created_at",
    "clock_offset_s",
)


def _update(database: Database, device_id: str, changes: dict[str, Any]) -> None:
    if not run(Device.update(changes).where(Device.id == device_id), database):
        raise UnknownDevice(device_id)


def _require_organisation(database: Database, identity: str | None) -> None:
    if identity is not None and not count(
        Organisation.select().where(Organisation.id == identity), database
    ):
        raise UnknownOrganisation(identity)
