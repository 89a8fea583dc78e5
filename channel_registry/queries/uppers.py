"""Upper platforms: described by the operator, with what they may see and under which codes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from peewee import Database, IntegrityError

from channel_registry.codes import ChannelCode
from channel_registry.errors import Conflict, UnknownPlatform
from channel_registry.literal import fit
from channel_registry.models import UpperCode, UpperPlatform, UpperShare
from channel_registry.statements import Row, count, fetch, insert, insert_all, run
from channel_registry.upper_records import (
    CatalogForm,
    CodeMap,
    CodeRule,
    Share,
    UpperRight,
)
from channel_registry.upper_records import UpperPlatform as UpperPlatformRecord

NAME_LIMIT = 255
PARTS = {
    "organisation": "organisations",
    "category": "categories",
    "channel": "channels",
    "excluded": "excluded",
}
"""Kind of a row of the share -> field of `Share`."""
COPIED = (
    "id",
    "domain",
    "host",
    "port",
    "transport",
    "own_id",
    "username",
    "expires_s",
    "keepalive_interval_s",
    "keepalive_count",
    "edition",
    "charset",
    "is_enabled",
)


def list_uppers(database: Database) -> tuple[UpperPlatformRecord, ...]:
    """All upper platforms, in the order of their codes."""
    query = UpperPlatform.select().order_by(UpperPlatform.id)
    return tuple(_record(row) for row in fetch(query, database))


def upper_secrets(database: Database) -> dict[str, str]:
    """The encrypted passwords of those that have one."""
    query = UpperPlatform.select(UpperPlatform.id, UpperPlatform.secret)
    given = query.where(UpperPlatform.secret.is_null(False))
    return {row["id"]: row["secret"] for row in fetch(given, database)}


def add_upper(
    database: Database, platform: UpperPlatformRecord, *, secret: str | None, at: datetime
) -> None:
    """Store a new one; raises `InvalidCode`, `Conflict`. `secret` is the encrypted password."""
    ChannelCode(platform.id)
    ChannelCode(platform.own_id)
    row = _row(platform) | {"secret": secret, "created_at": at, "updated_at": at}
    row |= {"shares_everything": False}
    with database.atomic():
        if count(UpperPlatform.select().where(UpperPlatform.id == platform.id), database):
            raise Conflict("platform", platform.id)
        try:
            insert(UpperPlatform.insert(row), database)
        except IntegrityError as error:  # another process was faster
            raise Conflict("platform", platform.id) from error


def update_upper(
    database: Database,
    platform: UpperPlatformRecord,
    *,
    secret: str | None = None,
    at: datetime,
) -> None:
    """Store other values, and another password unless it is None; raises `UnknownPlatform`."""
    row = _row(platform) | {"updated_at": at}
    del row["id"]
    if secret is not None:
        row["secret"] = secret or None
    _update(database, platform.id, row)


def delete_upper(database: Database, platform_id: str) -> None:
    """Forget one with its share and codes; raises `UnknownPlatform`."""
    with database.atomic():
        if not run(UpperPlatform.delete().where(UpperPlatform.id == platform_id), database):
            raise UnknownPlatform(platform_id)


def shares(database: Database) -> dict[str, Share]:
    """What each upper platform may see; one without a share sees nothing."""
    query = UpperPlatform.select(UpperPlatform.id, UpperPlatform.shares_everything)
    everything = {row["id"]: row["shares_everything"] for row in fetch(query, database)}
    found: dict[str, dict[str, set[str]]] = {each: {} for each in everything}
    for row in fetch(UpperShare.select(), database):
        found[row["platform"]].setdefault(PARTS[row["kind"]], set()).add(row["key"])
    return {
        each: Share(
            everything=bool(everything[each]),
            **{name: frozenset(keys) for name, keys in parts.items()},
        )
        for each, parts in found.items()
    }


def save_share(database: Database, platform_id: str, share: Share) -> None:
    """Replace what an upper platform may see; raises `UnknownPlatform`."""
    rows = [
        {"platform": platform_id, "kind": kind, "key": key}
        for kind, name in PARTS.items()
        for key in sorted(getattr(share, name))
    ]
    with database.atomic():
        _update(database, platform_id, {"shares_everything": share.everything})
        run(UpperShare.delete().where(UpperShare.platform == platform_id), database)
        insert_all(UpperShare, rows, database)


def code_maps(database: Database) -> dict[str, CodeMap]:
    """The codes that each upper platform sees instead of ours, where any were given."""
    codes: dict[str, dict[str, str]] = {}
    rules: dict[str, list[CodeRule]] = {}
    for row in fetch(UpperCode.select().order_by(UpperCode.platform, UpperCode.ours), database):
        if row["is_rule"]:
            rules.setdefault(row["platform"], []).append(CodeRule(row["ours"], row["theirs"]))
        else:
            codes.setdefault(row["platform"], {})[row["ours"]] = row["theirs"]
    return {
        each: CodeMap(codes=codes.get(each, {}), rules=tuple(rules.get(each, ())))
        for each in codes.keys() | rules.keys()
    }


def save_code_map(database: Database, platform_id: str, codes: CodeMap) -> None:
    """Replace the codes and rules of an upper platform; raises `UnknownPlatform`."""
    given: Mapping[bool, list[tuple[str, str]]] = {
        False: sorted(codes.codes.items()),
        True: [(rule.ours, rule.theirs) for rule in codes.rules],
    }
    rows = [
        {"platform": platform_id, "is_rule": is_rule, "ours": ours, "theirs": theirs}
        for is_rule, pairs in given.items()
        for ours, theirs in pairs
    ]
    with database.atomic():
        if not count(UpperPlatform.select().where(UpperPlatform.id == platform_id), database):
            raise UnknownPlatform(platform_id)
        run(UpperCode.delete().where(UpperCode.platform == platform_id), database)
        insert_all(UpperCode, rows, database)


def _row(platform: UpperPlatformRecord) -> Row:
    row: Row = {name: getattr(platform, name) for name in COPIED}
    return row | {
        "name": fit(platform.name, NAME_LIMIT)[0],
        "catalog_form": platform.catalog_form.value,
        "rights": ",".join(sorted(platform.rights)),
    }


def _record(row: Row) -> UpperPlatformRecord:
    values: dict[str, Any] = {name: row[name] for name in (*COPIED, "name")}
    return UpperPlatformRecord(
        **values,
        catalog_form=CatalogForm(row["catalog_form"]),
        rights=frozenset(UpperRight(each) for each in row["rights"].split(",") if each),
        password_set=row["secret"] is not None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _update(database: Database, platform_id: str, changes: Row) -> None:
    if not run(UpperPlatform.update(changes).where(UpperPlatform.id == platform_id), database):
        raise UnknownPlatform(platform_id)
