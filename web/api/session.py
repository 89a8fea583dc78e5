"""The session: log in, who am I, log out, own password."""

from datetime import datetime
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from vms.records import Identity, Role
from web.api.wire import WITHOUT_NUL, Body, Wire
from web.call import SESSION_COOKIE, Call
from web.route import JSON, Permission, Resource

resource = Resource("session", "Session (登录): cookie for browsers, bearer token for programs.")
LONGEST_PASSWORD = 256


class Credentials(Body):
    """Who wants in."""

    username: str = Field(min_length=1, max_length=64, pattern=WITHOUT_NUL)
    password: str = Field(
        min_length=1, max_length=LONGEST_PASSWORD, json_schema_extra={"format": "password"}
    )


class User(Wire):
    """Somebody with an account."""

    username: str
    role: Role


class Session(Wire):
    """Who is logged in, and until when."""

    user: User
    must_change_password: bool
    expires_at: datetime
    """The earlier of its idle and its absolute end."""


class SessionStarted(Session):
    """The same with the token for `Authorization: Bearer`; it is shown this once."""

    token: str


class PasswordChange(Body):
    """The present and the next password."""

    old: str = Field(min_length=1, max_length=LONGEST_PASSWORD)
    new: str = Field(min_length=1, max_length=LONGEST_PASSWORD)


def build_session(identity: Identity) -> Session:
    """The JSON form of an identity."""
    return Session(
        user=User.model_validate(identity),
        must_change_password=identity.must_change_password,
        expires_at=identity.expires_at,
    )


@resource.route(
    "POST",
    "/session",
    summary="Log in",
    permission=Permission.OPEN,
    problems=("wrong_credentials", "locked_out"),
    answer=SessionStarted,
)
async def log_in(call: Call, body: Credentials) -> web.StreamResponse:
    """Answer a token and set the cookie; unknown users and wrong passwords look alike."""
    user_agent = call.request.headers.get("User-Agent", "")[:200]
    started = await call.services.users.log_in(
        body.username, body.password, call.source, user_agent
    )
    session = build_session(started.identity)
    answer = SessionStarted(**dict(session), token=started.token)
    response = web.Response(body=answer.model_dump_json().encode(), content_type=JSON)
    response.set_cookie(
        SESSION_COOKIE,
        started.token,
        httponly=True,
        samesite="Strict",
        secure=call.is_secure,
        path="/",
    )
    return response


@resource.route("GET", "/session", summary="Who am I", permission=Permission.WATCH)
async def show_session(call: Call) -> Session:
    """Tell who is logged in and whether the password has to be changed."""
    return build_session(call.identity)


@resource.route(
    "DELETE",
    "/session",
    summary="Log out",
    permission=Permission.WATCH,
    status=HTTPStatus.NO_CONTENT,
)
async def log_out(call: Call) -> web.StreamResponse:
    """End the session: its token and its cookie are worthless from now on."""
    await call.services.users.log_out(call.identity)
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    response.del_cookie(
        SESSION_COOKIE, path="/", httponly=True, samesite="Strict", secure=call.is_secure
    )
    return response


@resource.route(
    "POST",
    "/password",
    summary="Change the own password",
    permission=Permission.WATCH,
    status=HTTPStatus.NO_CONTENT,
    problems=("wrong_credentials", "locked_out", "invalid"),
)
async def change_password(call: Call, body: PasswordChange) -> None:
    """Set a new password; every other session of the account ends."""
    await call.services.users.change_password(call.identity, body.old, body.new, call.source)
