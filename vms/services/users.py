"""Accounts and sessions.

Of a session token only the hash is stored. An unknown user and a wrong password cost the same hash,
get the same answer and are locked alike.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from peewee import Database

from vms.clock import Clock
from vms.config_sections import UsersSection
from vms.errors import Denied, Invalid, NotFound, NotReady
from vms.ids import new_password, new_token
from vms.records import AuditEntry, Identity, MediaToken, NewSession, Page, Role, UserView
from vms.secrets import Secrets
from vms.services.lockout import Lockout
from vms.services.media_tokens import MediaTokens
from vms.services.passwords import PasswordHashes
from vms.services.store import Store
from vms.storage.errors import UnknownRow
from vms.storage.queries import sessions as session_queries
from vms.storage.queries import users as user_queries
from vms.storage.queries.audit import add_audit, list_audit
from vms.storage.records import SessionRecord, UserRecord

logger = logging.getLogger(__name__)

FIRST_USER = "admin"
LONGEST_PASSWORD = 256
TOUCH_EVERY = timedelta(seconds=60)


class UserService:
    """Who may do what."""

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        hashes: PasswordHashes,
        settings: UsersSection,
        clock: Clock,
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._settings = settings
        self._clock = clock
        self._lockout = Lockout(store, settings, clock)
        self._media = MediaTokens(secrets, settings.media_token_s)
        self._endings: dict[int, asyncio.Event] = {}

    # Accounts

    async def ensure_admin(self, password: str) -> str:
        """At the first start: make the user `admin`; answers the password if it was generated."""
        if await self._store.run(user_queries.list_users):
            return ""
        generated = "" if password else new_password()
        await self._add(FIRST_USER, password or generated, Role.ADMIN, must_change=not password)
        return generated

    async def users(self) -> tuple[UserView, ...]:
        """Everybody who may log in."""
        return tuple(_view(user) for user in await self._store.run(user_queries.list_users))

    async def add_user(
        self, username: str, password: str, role: Role, *, must_change: bool = True
    ) -> UserView:
        """Let somebody log in; raises Invalid(password), Conflict(username_taken)."""
        self._check_new_password("password", password, username)
        return _view(await self._add(username, password, role, must_change=must_change))

    async def set_password(self, username: str, password: str) -> None:
        """An administrator gives somebody a password; ends every session of that user.

        Raises NotFound(user), Invalid(password).
        """
        self._check_new_password("password", password, username)
        hashed = await self._hashes.make(password)
        user_id = await self._store.run(_set_password_of, username, hashed, self._clock.wall())
        self._wake(user_id)

    async def change_password(self, identity: Identity, old: str, new: str, source: str) -> None:
        """Change one's own password; ends every other session of the user.

        Raises Denied(wrong_credentials), LockedOut, Invalid(new).
        """
        async with self._lockout.turn(source):
            await self._lockout.check(identity.username, source)
            user = await self._store.run(user_queries.get_user, identity.user_id)
            if not await self._hashes.check(user.password_hash, old):
                await self._lockout.failed(identity.username, source)
                raise Denied("wrong_credentials")
        self._check_new_password("new", new, user.username)
        if new == old:
            raise Invalid("new", "same_as_before")
        hashed = await self._hashes.make(new)
        at = self._clock.wall()
        await self._store.run(_replace_password, user.id, hashed, at, identity.session)
        self._wake(user.id)

    # Sessions

    async def log_in(
        self, username: str, password: str, source: str, user_agent: str = ""
    ) -> NewSession:
        """Begin a session; raises Denied(wrong_credentials), LockedOut(retry_after_s)."""
        async with self._lockout.turn(source):
            user = await self._check_password(username, password, source)
        return await self._begin(user, source, user_agent)

    async def identify(self, token: str) -> Identity:
        """Whose session a token is; raises Denied(unauthenticated)."""
        return await self._identify(_hash_of(token))

    async def log_out(self, identity: Identity) -> None:
        """End the session; its token and its media tokens are worth nothing from now on."""
        await self._store.run(session_queries.delete_session, identity.session)
        self._wake(identity.user_id)

    async def until_ended(self, identity: Identity, recheck_s: float, *, is_use: bool) -> None:
        """Return when the session is over, or its user locked out.

        At once when it is ended here; what time or another process ends is seen in `recheck_s`.
        With `is_use` waiting keeps the session from growing idle.
        """
        while True:
            ending = self._endings.setdefault(identity.user_id, asyncio.Event())
            with suppress(NotReady):  # the database is busy: nobody's session is over for that
                try:
                    await self._identify(identity.session, is_use=is_use)
                except (Denied, NotFound):  # not found: the user has just been removed
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(recheck_s):
                    await ending.wait()

    def media_token(self, identity: Identity, channel: str = "") -> MediaToken:
        """Permission to open live outputs of a channel, or of all when empty."""
        return self._media.issue(identity, channel, self._clock.wall())

    async def identify_media(self, token: str, channel: str) -> Identity:
        """Whose media token it is; raises Denied(unauthenticated)."""
        grant = self._media.read(token, channel, self._clock.wall())
        return await self._identify(grant.session)

    async def prune(self) -> int:
        """Remove sessions that ran out; answers how many."""
        return await self._store.run(session_queries.prune_sessions, self._clock.wall())

    # The audit log

    async def audit(
        self,
        actor: str,
        action: str,
        *,
        target: str = "",
        source: str = "",
        result: str = "ok",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Note who did what, from where, with which result; nobody can take it back."""
        await self._store.run(
            add_audit,
            at=self._clock.wall(),
            actor=actor,
            action=action,
            target=target,
            result=result,
            source=source,
            detail=detail,
        )

    async def audit_entries(self, page: int = 1, size: int = 100) -> Page[AuditEntry]:
        """The audit log, the newest first."""
        return await self._store.run(list_audit, page=page, size=size)

    # Inside

    async def _add(
        self, username: str, password: str, role: Role, *, must_change: bool
    ) -> UserRecord:
        return await self._store.run(
            user_queries.add_user,
            username,
            password_hash=await self._hashes.make(password),
            role=role,
            at=self._clock.wall(),
            must_change_password=must_change,
        )

    def _check_new_password(self, field: str, password: str, username: str) -> None:
        if len(password) < self._settings.password_min_length:
            shortest = self._settings.password_min_length
            raise Invalid(field, "too_short", shortest=shortest)
        if len(password) > LONGEST_PASSWORD:
            raise Invalid(field, "too_long", longest=LONGEST_PASSWORD)
        if username.casefold() in password.casefold():
            raise Invalid(field, "contains_username")

    async def _check_password(self, username: str, password: str, source: str) -> UserRecord:
        """Whose password it is. Tries during a lock leave no trace: they could fill the disk."""
        await self._lockout.check(username, source)
        user = await self._store.run(user_queries.find_user, username)
        stored = user.password_hash if user else None
        is_right = await self._hashes.check(stored, password[: LONGEST_PASSWORD + 1])
        if user is None or not is_right or user.disabled:
            is_locked = await self._lockout.failed(username, source)
            await self.audit(username, "session.begin", source=source, result="wrong_credentials")
            if is_locked:
                await self.audit(username, "session.begin", source=source, result="locked_out")
            logger.warning("login refused", extra={"peer": source})
            raise Denied("wrong_credentials")
        await self._lockout.succeeded(username, source)
        return user

    async def _begin(self, user: UserRecord, source: str, user_agent: str) -> NewSession:
        token = new_token()
        at = self._clock.wall()
        record = await self._store.run(
            _begin_session, _hash_of(token), user.id, at, self._end(at, at), source, user_agent
        )
        await self.audit(user.username, "session.begin", source=source)
        return NewSession(token, _identity(record))

    def _wake(self, user_id: int) -> None:
        """Sessions of this user ended: those who wait for that look again."""
        ending = self._endings.pop(user_id, None)
        if ending is not None:
            ending.set()

    async def _identify(self, session: str, *, is_use: bool = True) -> Identity:
        at = self._clock.wall()
        record = await self._store.run(session_queries.find_session, session, at=at)
        if record is None:
            raise Denied("unauthenticated")
        if is_use and at - record.last_seen_at >= TOUCH_EVERY:
            end = self._end(record.created_at, at)
            await self._store.run(session_queries.touch_session, session, at=at, expires_at=end)
        return _identity(record)

    def _end(self, began: datetime, now: datetime) -> datetime:
        """The earlier of the idle and the absolute end."""
        idle = now + timedelta(seconds=self._settings.session_idle_s)
        return min(idle, began + timedelta(seconds=self._settings.session_absolute_s))


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _view(user: UserRecord) -> UserView:
    return UserView(
        id=user.id,
        username=user.username,
        role=user.role,
        must_change_password=user.must_change_password,
        created_at=user.created_at,
        last_login_at=user.last_login_at,
        disabled=user.disabled,
    )


def _identity(session: SessionRecord) -> Identity:
    return Identity(
        user_id=session.user.id,
        username=session.user.username,
        role=session.user.role,
        session=session.token_hash,
        must_change_password=session.user.must_change_password,
        expires_at=session.expires_at,
    )


def _begin_session(
    database: Database,
    token_hash: str,
    user_id: int,
    at: datetime,
    end: datetime,
    source: str,
    user_agent: str,
) -> SessionRecord:
    with database.atomic():
        user_queries.mark_login(database, user_id, at)
        return session_queries.add_session(
            database,
            token_hash,
            user_id,
            at=at,
            expires_at=end,
            source=source,
            user_agent=user_agent,
        )


def _replace_password(
    database: Database, user_id: int, hashed: str, at: datetime, but: str | None = None
) -> None:
    with database.atomic():
        user_queries.set_password(database, user_id, hashed, at=at)
        session_queries.delete_sessions(database, user_id, but=but)


def _set_password_of(database: Database, username: str, hashed: str, at: datetime) -> int:
    user = user_queries.find_user(database, username)
    if user is None:
        raise UnknownRow("user", username)
    _replace_password(database, user.id, hashed, at)
    return user.id
