"""Logins by the hash of their token, and the failures that lead to a lock-out."""

from datetime import datetime, timedelta

from peewee import Database

from channel_registry.literal import fit
from channel_registry.statements import chunks, fetch, fetch_one, insert, run
from vms.storage.models import LoginFailure, Session
from vms.storage.queries.users import get_user
from vms.storage.records import LoginFailures, SessionRecord

MAX_FAILURE_KEYS = 10_000


def add_session(
    database: Database,
    token_hash: str,
    user_id: int,
    *,
    at: datetime,
    expires_at: datetime,
    source: str = "",
    user_agent: str = "",
) -> SessionRecord:
    """Store a login; raises `UnknownRow` when the user is gone."""
    with database.atomic():
        user = get_user(database, user_id)
        record = SessionRecord(
            token_hash, user, fit(source, 64)[0], fit(user_agent, 255)[0], at, at, expires_at
        )
        row = {
            "token_hash": token_hash,
            "user": user_id,
            "source": record.source,
            "user_agent": record.user_agent,
            "created_at": at,
            "last_seen_at": at,
            "expires_at": expires_at,
        }
        insert(Session.insert(row), database)
    return record


def find_session(database: Database, token_hash: str, *, at: datetime) -> SessionRecord | None:
    """A session that has not run out, of a user who is not locked out; else none."""
    valid = (Session.token_hash == token_hash) & (Session.expires_at > at)
    row = fetch_one(Session.select().where(valid), database)
    if row is None:
        return None
    user = get_user(database, row["user"])
    if user.disabled:
        return None
    return SessionRecord(
        token_hash,
        user,
        row["source"],
        row["user_agent"],
        row["created_at"],
        row["last_seen_at"],
        row["expires_at"],
    )


def touch_session(
    database: Database, token_hash: str, *, at: datetime, expires_at: datetime | None = None
) -> None:
    """Note use, and prolong when asked."""
    change = {"last_seen_at": at} | ({"expires_at": expires_at} if expires_at else {})
    run(Session.update(change).where(Session.token_hash == token_hash), database)


def delete_session(database: Database, token_hash: str) -> bool:
    """Log out; false when there was no such session."""
    return run(Session.delete().where(Session.token_hash == token_hash), database) > 0


def delete_sessions(database: Database, user_id: int, *, but: str | None = None) -> int:
    """Log a user out everywhere, or everywhere else; answers how many sessions ended."""
    query = Session.delete().where(Session.user == user_id)
    if but is not None:
        query = query.where(Session.token_hash != but)
    return run(query, database)


def prune_sessions(database: Database, at: datetime) -> int:
    """Remove sessions that ran out."""
    return run(Session.delete().where(Session.expires_at <= at), database)


def record_failure(database: Database, key: str, *, at: datetime, window_s: float) -> LoginFailures:
    """Count a failed login; failures further apart than `window_s` begin anew.

    `key` names an account, an address or both. The oldest keys are forgotten beyond a limit, so
    that guessing names cannot fill the disk.
    """
    kept = fit(key, 255)[0]
    with database.atomic():
        before = failures(database, kept)
        if before is None or at - before.last_at > timedelta(seconds=window_s):
            after = LoginFailures(kept, 1, at, at)
        else:
            after = LoginFailures(kept, before.count + 1, before.first_at, at)
        row = {"key": kept, "count": after.count, "first_at": after.first_at, "last_at": at}
        changed = [LoginFailure.count, LoginFailure.first_at, LoginFailure.last_at]
        LoginFailure.insert(row).on_conflict(
            conflict_target=[LoginFailure.key], preserve=changed
        ).execute(database)
        if before is None:
            _forget_oldest(database)
    return after


def failures(database: Database, key: str) -> LoginFailures | None:
    """The failures under a key, or none."""
    row = fetch_one(LoginFailure.select().where(LoginFailure.key == fit(key, 255)[0]), database)
    return None if row is None else LoginFailures(**row)


def clear_failures(database: Database, key: str) -> None:
    """Forget the failures of a key, after a login that worked."""
    run(LoginFailure.delete().where(LoginFailure.key == fit(key, 255)[0]), database)


def _forget_oldest(database: Database) -> None:
    newest_first = LoginFailure.select(LoginFailure.key).order_by(LoginFailure.last_at.desc())
    extra = fetch(newest_first.offset(MAX_FAILURE_KEYS), database)
    for chunk in chunks(row["key"] for row in extra):
        run(LoginFailure.delete().where(LoginFailure.key.in_(chunk)), database)
