import asyncio
import hashlib
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from tests.vms.bench import CHANNEL, OTHER_CHANNEL, HandClock
from vms.config_sections import UsersSection
from vms.errors import Conflict, Denied, Invalid, LockedOut, NotFound, NotReady
from vms.records import NewSession, Role
from vms.secrets import Secrets
from vms.services.passwords import PasswordHashes
from vms.services.store import Store
from vms.services.users import UserService
from vms.storage.queries.sessions import find_session
from vms.storage.queries.users import delete_user, find_user, update_user

HERE, THERE = "10.0.0.1", "10.0.0.2"
SETTINGS = UsersSection(account_failures=3, source_failures=6, lock_s=60, failure_window_s=600)


class CountingHasher(PasswordHasher):
    """Cheap hashes, counted: timing is the number of them."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.verified += 1
        return bool(super().verify(hash, password))


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
async def users(
    store: Store, secrets: Secrets, clock: HandClock, hasher: CountingHasher
) -> UserService:
    hashes = PasswordHashes(hasher)
    service = UserService(store, secrets, hashes, SETTINGS, clock)
    await service.ensure_admin("correct horse")
    return service


async def log_in(users: UserService, password: str = "correct horse") -> NewSession:
    return await users.log_in("admin", password, HERE)


async def fail(users: UserService, name: str = "admin", source: str = HERE) -> Denied:
    with pytest.raises(Denied) as refusal:
        await users.log_in(name, "wrong", source)
    return refusal.value


async def test_first_start_generates_a_password_that_works_and_must_be_changed(
    store: Store, secrets: Secrets, clock: HandClock, hasher: CountingHasher
) -> None:
    service = UserService(store, secrets, PasswordHashes(hasher), SETTINGS, clock)
    password = await service.ensure_admin("")
    assert len(password) >= 16
    session = await service.log_in("admin", password, HERE)
    assert session.identity.must_change_password
    assert await service.ensure_admin("") == "", "the second start keeps it"


async def test_given_admin_password_is_used_and_not_printed(users: UserService) -> None:
    session = await log_in(users)
    assert session.identity.role is Role.ADMIN
    assert not session.identity.must_change_password
    assert await users.ensure_admin("another") == ""


async def test_passwords_are_argon2id_hashes(users: UserService, store: Store) -> None:
    user = await store.run(find_user, "admin")
    assert user is not None
    assert user.password_hash.startswith("$argon2id$")


async def test_unknown_user_and_wrong_password_cost_and_say_the_same(
    users: UserService, hasher: CountingHasher
) -> None:
    known = await fail(users, "admin")
    cost_of_known = hasher.verified
    unknown = await fail(users, "nobody")
    assert hasher.verified - cost_of_known == cost_of_known == 1
    assert (known.code, known.fields) == (unknown.code, unknown.fields)


async def test_account_is_locked_at_one_address_after_failures_known_or_not(
    users: UserService, hasher: CountingHasher
) -> None:
    for name in ("admin", "nobody"):
        for _ in range(SETTINGS.account_failures):
            await fail(users, name, HERE)
    before = hasher.verified
    locked = [await fail(users, name) for name in ("admin", "nobody")]
    assert all(isinstance(each, LockedOut) for each in locked)
    assert hasher.verified == before, "a locked account is not even tried"
    with pytest.raises(LockedOut):
        await log_in(users)


async def test_stranger_cannot_lock_the_owner_out_elsewhere(users: UserService) -> None:
    for _ in range(SETTINGS.account_failures + 1):
        await fail(users, "admin", THERE)
    assert (await log_in(users)).identity.username == "admin"


async def test_address_is_locked_after_failures_of_many_accounts(users: UserService) -> None:
    for number in range(SETTINGS.source_failures):
        await fail(users, f"user{number}", HERE)
    with pytest.raises(LockedOut):
        await log_in(users)
    assert await users.log_in("admin", "correct horse", THERE)


async def test_lock_ends_by_itself_and_says_when(users: UserService, clock: HandClock) -> None:
    for _ in range(SETTINGS.account_failures):
        await fail(users)
    clock.turn(20)
    locked = await fail(users)
    assert isinstance(locked, LockedOut)
    assert locked.retry_after_s == 40
    clock.turn(41)
    assert await log_in(users)


async def test_lock_survives_a_restart(
    users: UserService, store: Store, secrets: Secrets, clock: HandClock, hasher: CountingHasher
) -> None:
    for _ in range(SETTINGS.account_failures):
        await fail(users)
    again = UserService(store, secrets, PasswordHashes(hasher), SETTINGS, clock)
    with pytest.raises(LockedOut):
        await log_in(again)


async def test_success_forgets_the_failures_of_the_account(users: UserService) -> None:
    for _ in range(SETTINGS.account_failures - 1):
        await fail(users)
    await log_in(users)
    for _ in range(SETTINGS.account_failures - 1):
        await fail(users)
    assert await log_in(users)


async def test_session_ends_when_idle_and_lasts_when_used(
    users: UserService, clock: HandClock
) -> None:
    session = await log_in(users)
    clock.turn(SETTINGS.session_idle_s - 100)
    await users.identify(session.token)
    clock.turn(SETTINGS.session_idle_s - 100)
    await users.identify(session.token)
    clock.turn(SETTINGS.session_idle_s + 1)
    with pytest.raises(Denied, match="unauthenticated"):
        await users.identify(session.token)


async def test_session_ends_absolutely_however_busy(users: UserService, clock: HandClock) -> None:
    session = await log_in(users)
    end = clock.at + timedelta(seconds=SETTINGS.session_absolute_s)
    while clock.at + timedelta(hours=1) < end:
        clock.turn(3600)
        identity = await users.identify(session.token)
        assert identity.expires_at <= end
    clock.turn(3601)
    with pytest.raises(Denied):
        await users.identify(session.token)


async def test_logout_is_worth_at_once(users: UserService) -> None:
    session = await log_in(users)
    await users.log_out(await users.identify(session.token))
    with pytest.raises(Denied):
        await users.identify(session.token)


async def test_who_waits_for_the_end_of_a_session_hears_of_a_logout_at_once(
    users: UserService,
) -> None:
    mine, other = await log_in(users), await log_in(users)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(users.until_ended(mine.identity, 3600, is_use=True))
        beside = group.create_task(users.until_ended(other.identity, 3600, is_use=True))
        await asyncio.sleep(0.02)
        await users.log_out(mine.identity)
        await waiting
        await asyncio.sleep(0.02)
        assert not beside.done(), "another session of the same user goes on"
        beside.cancel()


@pytest.mark.parametrize("way", ["own password", "given password"])
async def test_who_waits_for_the_end_of_a_session_hears_of_a_new_password(
    users: UserService, way: str
) -> None:
    mine, other = await log_in(users), await log_in(users)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(users.until_ended(other.identity, 3600, is_use=False))
        await asyncio.sleep(0.02)
        if way == "own password":
            await users.change_password(mine.identity, "correct horse", "battery staple", HERE)
        else:
            await users.set_password("admin", "battery staple")
        await waiting


@pytest.mark.parametrize("way", ["locked out", "run out", "gone"])
async def test_what_another_process_or_time_ends_is_noticed_at_the_next_look(
    users: UserService, store: Store, clock: HandClock, way: str
) -> None:
    session = await log_in(users)
    user_id = session.identity.user_id
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(users.until_ended(session.identity, 0.01, is_use=False))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        if way == "locked out":
            await store.run(update_user, user_id, disabled=True)
        elif way == "gone":
            await store.run(delete_user, user_id)
        else:
            clock.turn(SETTINGS.session_idle_s + 1)
        await waiting


@pytest.mark.parametrize("is_use", [True, False])
async def test_waiting_keeps_a_session_only_when_it_counts_as_use(
    users: UserService, clock: HandClock, is_use: bool
) -> None:
    session = await log_in(users)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(users.until_ended(session.identity, 0.01, is_use=is_use))
        for _ in range(3):
            clock.turn(SETTINGS.session_idle_s // 2 + 1)
            await asyncio.sleep(0.1)
        assert waiting.done() is not is_use
        waiting.cancel()


async def test_a_busy_database_ends_no_session(
    users: UserService, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await log_in(users)
    asked = asyncio.Event()

    async def busy(*_: object, **__: object) -> None:
        asked.set()
        raise NotReady(code="database_busy")

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(users.until_ended(session.identity, 0.01, is_use=True))
        monkeypatch.setattr(users, "_identify", busy)
        await asked.wait()
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()


@pytest.mark.parametrize("token", ["", "x", "a" * 10_000, "eyJhbGciOiJub25lIn0.e30."])
async def test_forged_session_token_is_denied(token: str, users: UserService) -> None:
    with pytest.raises(Denied, match="unauthenticated"):
        await users.identify(token)


async def test_token_itself_is_not_stored(users: UserService, store: Store) -> None:
    session = await log_in(users)
    hashed = hashlib.sha256(session.token.encode()).hexdigest()
    assert session.identity.session == hashed
    at = session.identity.expires_at - timedelta(seconds=1)
    assert await store.run(find_session, session.token, at=at) is None


async def test_new_password_ends_every_other_session(users: UserService) -> None:
    mine, other = await log_in(users), await log_in(users)
    identity = await users.identify(mine.token)
    await users.change_password(identity, "correct horse", "battery staple", HERE)
    assert await users.identify(mine.token)
    with pytest.raises(Denied):
        await users.identify(other.token)
    await fail(users)
    assert await log_in(users, "battery staple")


async def test_wrong_old_password_counts_as_a_failed_login(users: UserService) -> None:
    identity = (await log_in(users)).identity
    for _ in range(SETTINGS.account_failures):
        with pytest.raises(Denied, match="wrong_credentials"):
            await users.change_password(identity, "wrong", "battery staple", HERE)
    with pytest.raises(LockedOut):
        await users.change_password(identity, "correct horse", "battery staple", HERE)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "too_short"),
        ("x" * 300, "too_long"),
        ("xxADMINxxxx", "contains_username"),
        ("correct horse", "same_as_before"),
    ],
)
async def test_weak_new_password_is_refused(password: str, reason: str, users: UserService) -> None:
    identity = (await log_in(users)).identity
    with pytest.raises(Invalid) as refusal:
        await users.change_password(identity, "correct horse", password, HERE)
    assert (refusal.value.field, refusal.value.reason) == ("new", reason)


async def test_role_includes_the_lower_ones(users: UserService) -> None:
    await users.add_user("watcher", "long enough", Role.VIEWER)
    identity = (await users.log_in("watcher", "long enough", HERE)).identity
    assert identity.may(Role.VIEWER)
    assert not identity.may(Role.OPERATOR)
    assert (await log_in(users)).identity.may(Role.OPERATOR)


async def test_user_name_is_taken_in_any_case(users: UserService) -> None:
    with pytest.raises(Conflict) as refusal:
        await users.add_user("Admin", "long enough", Role.VIEWER)
    assert refusal.value.code == "username_taken"


async def test_password_set_by_an_administrator_ends_all_sessions(users: UserService) -> None:
    session = await log_in(users)
    await users.set_password("admin", "battery staple")
    with pytest.raises(Denied):
        await users.identify(session.token)
    with pytest.raises(NotFound):
        await users.set_password("nobody", "battery staple")


async def test_media_token_opens_its_channel_only(users: UserService) -> None:
    identity = (await log_in(users)).identity
    token = users.media_token(identity, CHANNEL).token
    assert (await users.identify_media(token, CHANNEL)).username == "admin"
    with pytest.raises(Denied):
        await users.identify_media(token, OTHER_CHANNEL)
    for_all = users.media_token(identity).token
    assert await users.identify_media(for_all, OTHER_CHANNEL)


async def test_media_token_ends_by_time_and_with_its_session(
    users: UserService, clock: HandClock
) -> None:
    session = await log_in(users)
    first = users.media_token(session.identity, CHANNEL)
    clock.turn(SETTINGS.media_token_s + 1)
    with pytest.raises(Denied):
        await users.identify_media(first.token, CHANNEL)
    second = users.media_token(await users.identify(session.token), CHANNEL)
    await users.log_out(session.identity)
    with pytest.raises(Denied):
        await users.identify_media(second.token, CHANNEL)


async def test_forged_or_broken_media_token_is_denied(users: UserService) -> None:
    identity = (await log_in(users)).identity
    token = users.media_token(identity, CHANNEL).token
    message, _, signature = token.partition(".")
    forgeries = ["", ".", "x", token[:-2], f"{message}A.{signature}", f"{message}.", "é.é", "="]
    for forged in forgeries:
        with pytest.raises(Denied):
            await users.identify_media(forged, CHANNEL)


async def test_logins_and_refusals_are_in_the_audit_log(users: UserService) -> None:
    await fail(users)
    await log_in(users)
    page = await users.audit_entries()
    found = [(e.actor, e.action, e.source, e.result) for e in page.items]
    assert found == [
        ("admin", "session.begin", HERE, "ok"),
        ("admin", "session.begin", HERE, "wrong_credentials"),
    ]


async def test_passwords_sent_all_at_once_are_locked_like_one_after_the_other(
    users: UserService, hasher: CountingHasher
) -> None:
    tries = [users.log_in("admin", f"guess {number}", HERE) for number in range(12)]
    refusals = await asyncio.gather(*tries, return_exceptions=True)
    assert hasher.verified == SETTINGS.account_failures
    assert sum(isinstance(each, LockedOut) for each in refusals) == 12 - hasher.verified


async def test_lock_is_audited_once_however_often_it_is_tried(users: UserService) -> None:
    for _ in range(SETTINGS.account_failures + 5):
        await fail(users)
    results = [entry.result for entry in (await users.audit_entries()).items]
    assert results == ["locked_out", *["wrong_credentials"] * SETTINGS.account_failures]
