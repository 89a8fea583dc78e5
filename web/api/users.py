"""Accounts: who may log in, with which role."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from vms.records import Role
from web.api.wire import Body, Id, ListOf, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("users", "Accounts (用户) and their roles.")


class Account(Wire):
    """Somebody who may log in."""

    id: Id
    username: str
    role: Role
    must_change_password: bool
    created_at: datetime
    last_login_at: datetime | None
    disabled: bool


class AccountList(ListOf[Account]):
    """All accounts."""


class AccountDraft(Body):
    """A new account."""

    username: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    password: str = Field(min_length=8, max_length=256)
    role: Role
    must_change_password: bool = True
    """Ask for a new password at the first login."""


@resource.route("GET", "/users", summary="List accounts", permission=Permission.ADMINISTER)
async def list_users(call: Call) -> AccountList:
    """List everybody who may log in; passwords are never shown."""
    users = await call.services.users.users()
    return AccountList(items=[Account.model_validate(user) for user in users])


@resource.route(
    "POST",
    "/users",
    summary="Add an account",
    permission=Permission.ADMINISTER,
    status=HTTPStatus.CREATED,
    problems=("username_taken", "invalid"),
)
async def add_user(call: Call, body: AccountDraft) -> Account:
    """Let somebody log in."""
    user = await call.services.users.add_user(
        body.username, body.password, body.role, must_change=body.must_change_password
    )
    return Account.model_validate(user)
