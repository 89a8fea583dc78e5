import pytest
from peewee import Database

from tests.vms.storage.samples import T0, after
from vms.storage.errors import AlreadyExists, UnknownRow
from vms.storage.queries import sessions as sessions_module
from vms.storage.queries.sessions import (
    add_session,
    clear_failures,
    delete_session,
    delete_sessions,
    failures,
    find_session,
    prune_sessions,
    record_failure,
    touch_session,
)
from vms.storage.queries.users import (
    add_user,
    delete_user,
    find_user,
    get_user,
    list_users,
    mark_login,
    set_password,
    update_user,
)
from vms.storage.records import Role, UserRecord


@pytest.fixture
def admin(database: Database) -> UserRecord:
    return add_user(
        database,
        "Admin",
        password_hash="$argon2",
        role=Role.ADMIN,
        at=T0,
        must_change_password=True,
    )


def test_a_user_is_found_without_regard_to_case(database: Database, admin: UserRecord) -> None:
    assert find_user(database, "ADMIN") == admin == get_user(database, admin.id)
    assert (admin.username, admin.role, admin.must_change_password) == ("Admin", Role.ADMIN, True)
    assert find_user(database, "root") is None


def test_a_taken_name_is_refused_in_any_case(database: Database, admin: UserRecord) -> None:
    with pytest.raises(AlreadyExists):
        add_user(database, "aDMIN", password_hash="x", role=Role.VIEWER, at=T0)
    assert list_users(database) == (admin,)


def test_no_record_shows_a_hash(database: Database, admin: UserRecord) -> None:
    session = add_session(database, "secret-hash", admin.id, at=T0, expires_at=after(60))
    assert "$argon2" not in repr(session)
    assert "secret-hash" not in repr(session)


def test_a_new_password_ends_the_duty_to_change_it(database: Database, admin: UserRecord) -> None:
    changed = set_password(database, admin.id, "$new", at=after(5))
    assert (changed.password_hash, changed.must_change_password) == ("$new", False)
    assert changed.password_changed_at == after(5)


def test_level_and_lock_out_change(database: Database, admin: UserRecord) -> None:
    mark_login(database, admin.id, after(1))
    changed = update_user(database, admin.id, role=Role.OPERATOR, disabled=True)
    assert (changed.role, changed.disabled, changed.last_login_at) == (
        Role.OPERATOR,
        True,
        after(1),
    )
    assert update_user(database, admin.id) == changed


def test_unknown_users_are_refused(database: Database) -> None:
    for call in (get_user, delete_user, update_user):
        with pytest.raises(UnknownRow):
            call(database, 99)
    with pytest.raises(UnknownRow):
        add_session(database, "h", 99, at=T0, expires_at=after(1))


def test_a_session_holds_until_it_runs_out(database: Database, admin: UserRecord) -> None:
    made = add_session(database, "h", admin.id, at=T0, expires_at=after(60), source="10.0.0.9")
    assert find_session(database, "h", at=after(59)) == made
    assert find_session(database, "h", at=after(60)) is None
    assert find_session(database, "other", at=T0) is None


def test_use_prolongs_a_session(database: Database, admin: UserRecord) -> None:
    add_session(database, "h", admin.id, at=T0, expires_at=after(60))
    touch_session(database, "h", at=after(50), expires_at=after(110))
    session = find_session(database, "h", at=after(100))
    assert session is not None
    assert session.last_seen_at == after(50)
    touch_session(database, "h", at=after(101))


def test_a_locked_out_user_has_no_session(database: Database, admin: UserRecord) -> None:
    add_session(database, "h", admin.id, at=T0, expires_at=after(60))
    update_user(database, admin.id, disabled=True)
    assert find_session(database, "h", at=T0) is None


def test_logging_out_here_everywhere_and_elsewhere(database: Database, admin: UserRecord) -> None:
    for name in "abcd":
        add_session(database, name, admin.id, at=T0, expires_at=after(60))
    assert delete_session(database, "a")
    assert not delete_session(database, "a")
    assert delete_sessions(database, admin.id, but="b") == 2
    assert find_session(database, "b", at=T0) is not None
    assert delete_sessions(database, admin.id) == 1


def test_sessions_go_with_their_user(database: Database, admin: UserRecord) -> None:
    add_session(database, "h", admin.id, at=T0, expires_at=after(60))
    delete_user(database, admin.id)
    assert find_session(database, "h", at=T0) is None


def test_sessions_that_ran_out_are_pruned(database: Database, admin: UserRecord) -> None:
    add_session(database, "old", admin.id, at=T0, expires_at=after(10))
    add_session(database, "new", admin.id, at=T0, expires_at=after(99))
    assert prune_sessions(database, after(10)) == 1


def test_failures_add_up_within_their_window(database: Database) -> None:
    for number in range(3):
        seen = record_failure(database, "user:admin", at=after(number), window_s=60)
    assert (seen.count, seen.first_at, seen.last_at) == (3, T0, after(2))
    assert failures(database, "user:admin") == seen
    assert record_failure(database, "user:admin", at=after(63), window_s=60).count == 1


def test_a_login_that_works_forgets_the_failures(database: Database) -> None:
    record_failure(database, "user:admin", at=T0, window_s=60)
    clear_failures(database, "user:admin")
    assert failures(database, "user:admin") is None


def test_guessed_names_cannot_fill_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "MAX_FAILURE_KEYS", 3)
    for number in range(6):
        record_failure(database, "x" * 300 + str(number), at=after(number), window_s=60)
        record_failure(database, f"user:{number}", at=after(number), window_s=60)
    kept = [number for number in range(6) if failures(database, f"user:{number}") is not None]
    assert len(kept) <= 3
    assert kept[-1] == 5
