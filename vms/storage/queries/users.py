"""People who may log in. User names are told apart without regard to case."""

from datetime import datetime
from typing import Any

from peewee import Database, IntegrityError

from channel_registry.literal import fit
from channel_registry.statements import Row, count, fetch, fetch_one, insert, run
from vms.storage.errors import AlreadyExists, UnknownRow
from vms.storage.models import User
from vms.storage.records import Role, UserRecord


def add_user(
    database: Database,
    username: str,
    *,
    password_hash: str,
    role: Role,
    at: datetime,
    must_change_password: bool = False,
) -> UserRecord:
    """Make a user; raises `AlreadyExists`."""
    name = fit(username, 64)[0]
    row = {
        "username": name,
        "login": _login(name),
        "password_hash": password_hash,
        "role": role.value,
        "must_change_password": must_change_password,
        "disabled": False,
        "created_at": at,
        "password_changed_at": at,
    }
    with database.atomic():
        if count(User.select().where(User.login == _login(name)), database):
            raise AlreadyExists("user", name)
        try:
            insert(User.insert(row), database)
        except IntegrityError as error:  # another process was faster
            raise AlreadyExists("user", name) from error
    record = find_user(database, name)
    if record is None:
        raise UnknownRow("user", name)
    return record


def get_user(database: Database, user_id: int) -> UserRecord:
    """One user; raises `UnknownRow`."""
    row = fetch_one(User.select().where(User.id == user_id), database)
    if row is None:
        raise UnknownRow("user", str(user_id))
    return user_record(row)


def find_user(database: Database, username: str) -> UserRecord | None:
    """The user of this name in any case, or none."""
    login = _login(fit(username, 64)[0])
    row = fetch_one(User.select().where(User.login == login), database)
    return None if row is None else user_record(row)


def list_users(database: Database) -> tuple[UserRecord, ...]:
    """Everybody, in the order of their names."""
    return tuple(user_record(row) for row in fetch(User.select().order_by(User.login), database))


def set_password(
    database: Database,
    user_id: int,
    password_hash: str,
    *,
    at: datetime,
    must_change_password: bool = False,
) -> UserRecord:
    """Store another password hash; sessions are the caller's to end."""
    changes = {
        "password_hash": password_hash,
        "password_changed_at": at,
        "must_change_password": must_change_password,
    }
    return _update(database, user_id, changes)


def update_user(
    database: Database, user_id: int, *, role: Role | None = None, disabled: bool | None = None
) -> UserRecord:
    """Change level or lock out; raises `UnknownRow`."""
    changes: dict[str, Any] = {}
    if role is not None:
        changes["role"] = role.value
    if disabled is not None:
        changes["disabled"] = disabled
    return _update(database, user_id, changes) if changes else get_user(database, user_id)


def mark_login(database: Database, user_id: int, at: datetime) -> None:
    """Note a successful login."""
    _update(database, user_id, {"last_login_at": at})


def delete_user(database: Database, user_id: int) -> None:
    """Remove a user and every session of theirs; raises `UnknownRow`."""
    if not run(User.delete().where(User.id == user_id), database):
        raise UnknownRow("user", str(user_id))


def user_record(row: Row) -> UserRecord:
    """The record of a row with every column of the user."""
    names = (
        "id",
        "username",
        "password_hash",
        "must_change_password",
        "disabled",
        "created_at",
        "password_changed_at",
        "last_login_at",
    )
    return UserRecord(**{name: row[name] for name in names}, role=Role(row["role"]))


def _login(username: str) -> str:
    return username.casefold()[:64]


def _update(database: Database, user_id: int, changes: dict[str, Any]) -> UserRecord:
    if not run(User.update(changes).where(User.id == user_id), database):
        raise UnknownRow("user", str(user_id))
    return get_user(database, user_id)
