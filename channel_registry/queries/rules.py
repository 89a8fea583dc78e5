"""Registration rules: what differs for one device, or for all, when it registers."""

from peewee import Database

from channel_registry.literal import fit
from channel_registry.models import Device, RegistrationRule
from channel_registry.records import RegistrationRuleRecord
from channel_registry.statements import Row, fetch, fetch_one, insert, run

FIELDS = (
    "digest_algorithms",
    "send_date",
    "redirect_server_id",
    "redirect_host",
    "redirect_port",
    "redirect_transport",
)


def list_rules(database: Database) -> tuple[RegistrationRuleRecord, ...]:
    """Every rule, in the order of the device ids."""
    rows = fetch(RegistrationRule.select().order_by(RegistrationRule.device_id), database)
    return tuple(_record(row) for row in rows)


def find_rule(database: Database, device_id: str) -> RegistrationRuleRecord | None:
    """The rule of a device, or none."""
    query = RegistrationRule.select().where(RegistrationRule.device_id == device_id)
    row = fetch_one(query, database)
    return None if row is None else _record(row)


def save_rule(database: Database, rule: RegistrationRuleRecord) -> None:
    """Store or replace a rule; the id is not looked up, for one may stand for all devices."""
    row = {
        "device_id": rule.device_id,
        "digest_algorithms": ",".join(rule.digest_algorithms),
        "send_date": rule.send_date,
        "redirect_server_id": rule.redirect_server_id,
        "redirect_host": fit(rule.redirect_host, 253)[0],
        "redirect_port": rule.redirect_port,
        "redirect_transport": rule.redirect_transport,
    }
    with database.atomic():
        delete_rule(database, rule.device_id)
        insert(RegistrationRule.insert(row), database)


def delete_rule(database: Database, device_id: str) -> bool:
    """Take a rule away; true when there was one."""
    query = RegistrationRule.delete().where(RegistrationRule.device_id == device_id)
    return run(query, database) == 1


def set_clock_offset(database: Database, device_id: str, offset_s: float | None) -> None:
    """Note how many seconds a device's clock is fast; none: it is right.

    Unknown ids are ignored.
    """
    run(Device.update(clock_offset_s=offset_s).where(Device.id == device_id), database)


def _record(row: Row) -> RegistrationRuleRecord:
    given = {name: row[name] for name in FIELDS if name != "digest_algorithms"}
    algorithms = tuple(name for name in row["digest_algorithms"].split(",") if name)
    return RegistrationRuleRecord(row["device_id"], digest_algorithms=algorithms, **given)
