"""Upper platforms: where we register as the lower one, with which rights, and how it goes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from vms.records import CatalogForm, PlatformView, UpperPlatform, UpperRight
from vms.records import Scorecard as ScorecardView
from web.api.wire import Body, Count, GbCode, ListOf, Name, Text, Wire
from web.call import Call
from web.language import Language
from web.route import Permission, Resource
from web.words.platforms import UPLINK_FAILURES

resource = Resource(
    "platforms", "Upper platforms (上级平台): where this one is the lower, and what it shares."
)

Host = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z]([0-9A-Za-z.:-]{0,251}[0-9A-Za-z])?$"),
    Field(examples=["10.14.0.2"]),
]
Domain = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z]([0-9A-Za-z.:-]{0,61}[0-9A-Za-z])?$"),
    Field(examples=["1400000000"]),
]
Username = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x7e]{0,64}$")]
Password = Annotated[str, StringConstraints(max_length=64, pattern=r"^[\x20-\x7e]*$")]
UpperCode = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{20}$"), Field(examples=["14000000002000000001"])
]
Rights = Annotated[list[UpperRight], Field(max_length=len(UpperRight))]
Edition = Literal["2016", "2022"]
Charset = Literal["GB2312", "GB18030", "UTF-8"]
Transport = Literal["udp", "tcp"]


class PlatformCatalog(Wire):
    """The catalogue it was sent last, against the present one."""

    sent_at: datetime
    items: int
    """Sent then."""
    is_equal: bool
    added: int
    """Items that it does not have yet."""
    removed: int
    """Items that it still has."""
    changed: int


class PlatformCallFailure(Wire):
    """Why its last failed call brought no picture."""

    at: datetime
    channel: Text
    reason: str


class Scorecard(Wire):
    """How it goes with one upper platform."""

    state: str
    """registering, registered, waiting, unregistering, stopped, or unknown."""
    since: datetime | None
    failure: Text
    """wrong_password, unknown_to_upper, forbidden, refused, no_answer, unreachable,
    keepalives_missed or interval_too_brief."""
    failure_text: Text = None
    """What to do about it, in the reader's language."""
    status: Count
    """SIP status of the last refusal."""
    next_attempt_at: datetime | None
    gb_version: Text
    registered_since: datetime | None
    catalog: PlatformCatalog | None
    """Null: it has never asked for the catalogue."""
    invites: int
    invites_ok: int
    first_frame_ms: float | None
    """Median time from its INVITE to the first frame."""
    last_failure: PlatformCallFailure | None
    streams: int
    """That it gets now."""
    bytes: int
    """Of media, since the start."""


class Platform(Wire):
    """An upper platform."""

    id: str
    name: str
    domain: str
    host: str
    port: int
    transport: Transport
    own_id: str
    """The code by which it knows us."""
    username: Text
    password_set: bool
    expires_s: int
    keepalive_interval_s: float
    keepalive_count: int
    edition: Edition
    charset: Charset
    catalog_form: CatalogForm
    is_enabled: bool
    rights: list[UpperRight]
    created_at: datetime
    updated_at: datetime
    channels: int
    """Shared with it now."""
    channels_online: int
    errors: int
    """Findings about what it sees that it would reject or mix up."""
    warnings: int
    scorecard: Scorecard


class PlatformList(ListOf[Platform]):
    """All upper platforms, by their codes."""


class PlatformDraft(Body):
    """A platform at which we shall register."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "14000000002000000001",
                    "name": "省平台",
                    "host": "10.14.0.2",
                    "password": "12345678",
                    "catalog_form": "organisation",
                    "rights": ["live", "playback", "ptz", "alarms"],
                }
            ]
        }
    )

    id: UpperCode
    """Its server id (20 digits)."""
    name: Name
    domain: Domain | None = None
    """Without it: the first 10 digits of its id."""
    host: Host
    """Address or name."""
    port: int = Field(5060, ge=1, le=65535)
    transport: Transport = "udp"
    own_id: GbCode | None = None
    """As whom we register there; without it: our own server id."""
    username: Username = ""
    """For the digest, where it is not `own_id`."""
    password: Password = ""
    expires_s: int = Field(86_400, ge=60, le=604_800)
    keepalive_interval_s: float = Field(60.0, ge=5, le=3600)
    keepalive_count: int = Field(3, ge=1, le=20)
    edition: Edition = "2022"
    charset: Charset = "GB18030"
    catalog_form: CatalogForm = CatalogForm.CIVIL_CODE
    is_enabled: bool = True
    rights: Rights = list(UpperRight)


class PlatformChange(Body):
    """What is to be different; what is not named stays."""

    name: Name | None = None
    domain: Domain | None = None
    host: Host | None = None
    port: int | None = Field(None, ge=1, le=65535)
    transport: Transport | None = None
    own_id: GbCode | None = None
    username: Username | None = None
    password: Password | None = None
    expires_s: int | None = Field(None, ge=60, le=604_800)
    keepalive_interval_s: float | None = Field(None, ge=5, le=3600)
    keepalive_count: int | None = Field(None, ge=1, le=20)
    edition: Edition | None = None
    charset: Charset | None = None
    catalog_form: CatalogForm | None = None
    is_enabled: bool | None = None
    rights: Rights | None = None


def build_scorecard(card: ScorecardView, language: Language) -> Scorecard:
    """The JSON form of the figures, the failure with advice."""
    wire = Scorecard.model_validate(card)
    texts = UPLINK_FAILURES.get(card.failure)
    if texts is None:
        return wire
    text = texts[0] if language is Language.ZH else texts[1]
    return wire.model_copy(update={"failure_text": text})


def build_platform(view: PlatformView, language: Language) -> Platform:
    """The JSON form of an upper platform."""
    fields = {name: getattr(view.platform, name, None) for name in Platform.model_fields}
    fields |= {
        "rights": sorted(view.platform.rights),
        "channels": view.channels,
        "channels_online": view.channels_online,
        "errors": view.errors,
        "warnings": view.warnings,
        "scorecard": build_scorecard(view.scorecard, language),
    }
    return Platform.model_validate(fields)


def read_platform(draft: PlatformDraft, server_id: str) -> UpperPlatform:
    """The service's form of a draft; its times are the service's matter."""
    fields = draft.model_dump(exclude={"password", "rights", "domain", "own_id"})
    return UpperPlatform(
        **fields,
        domain=draft.domain or draft.id[:10],
        own_id=draft.own_id or server_id,
        rights=frozenset(draft.rights),
        created_at=NEVER,
        updated_at=NEVER,
    )


NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def read_changes(change: PlatformChange) -> Mapping[str, object]:
    """What is named, without the password."""
    given = change.model_dump(exclude_none=True, exclude={"password"})
    return given | ({"rights": frozenset(given["rights"])} if "rights" in given else {})


@resource.route(
    "GET", "/platforms", summary="List the upper platforms", permission=Permission.OPERATE
)
async def list_platforms(call: Call) -> PlatformList:
    """List where we register, with the figures of each."""
    views = await call.services.platforms.platforms()
    return PlatformList(items=[build_platform(view, call.language) for view in views])


@resource.route(
    "POST",
    "/platforms",
    summary="Add an upper platform",
    permission=Permission.ADMINISTER,
    status=HTTPStatus.CREATED,
    problems=("platform_exists", "platform_loop", "invalid"),
)
async def add_platform(call: Call, body: PlatformDraft) -> Platform:
    """Describe a platform; we register there at once unless it is disabled. It sees nothing until
    something is shared with it."""
    service = call.services.platforms
    platform = read_platform(body, service.server_id)
    return build_platform(await service.add(platform, body.password), call.language)


@resource.route(
    "GET",
    "/platforms/{platform_id}",
    summary="Show an upper platform",
    permission=Permission.OPERATE,
    problems=("platform_not_found",),
)
async def show_platform(call: Call, platform_id: GbCode) -> Platform:
    """Tell how one is described and how it goes."""
    return build_platform(await call.services.platforms.view(platform_id), call.language)


@resource.route(
    "PATCH",
    "/platforms/{platform_id}",
    summary="Change an upper platform",
    permission=Permission.ADMINISTER,
    problems=("platform_not_found", "platform_loop", "invalid"),
)
async def change_platform(call: Call, platform_id: GbCode, body: PlatformChange) -> Platform:
    """Change what is named; where it concerns the registration, we register anew."""
    view = await call.services.platforms.change(
        platform_id, read_changes(body), password=body.password
    )
    return build_platform(view, call.language)


@resource.route(
    "DELETE",
    "/platforms/{platform_id}",
    summary="Remove an upper platform",
    permission=Permission.ADMINISTER,
    problems=("platform_not_found",),
)
async def delete_platform(call: Call, platform_id: GbCode) -> None:
    """End its calls, unregister, forget its share and its codes."""
    await call.services.platforms.delete(platform_id)


@resource.route(
    "POST",
    "/platforms/{platform_id}/register",
    summary="Register now",
    permission=Permission.ADMINISTER,
    problems=("platform_not_found", "platform_disabled", "cascade_off"),
)
async def register_at_platform(call: Call, platform_id: GbCode) -> Platform:
    """Try to register at once instead of waiting for the next attempt."""
    return build_platform(await call.services.platforms.register_now(platform_id), call.language)
