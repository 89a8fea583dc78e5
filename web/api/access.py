"""Access: the values to type into a camera or box, and what has tried to register."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from vms.records import AttemptView, RegistrationRuleView
from web.api.wire import Body, GbCode, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("access", "Access (接入): how a device gets in, and who tried.")


class Attempt(Wire):
    """Tries to register, added up by device, address and outcome."""

    at: datetime
    """The last of them."""
    device_id: str
    address: str
    transport: str
    outcome: str
    """challenged, accepted, refused_password, refused_unknown or refused_other_address."""
    count: int
    user_agent: Text
    known: bool
    """The device is in the registry."""


class Access(Wire):
    """What somebody types into a device so that it registers here."""

    server_id: str
    domain: str
    realm: str
    addresses: list[str]
    """The machine's addresses, the likeliest first."""
    port: int
    transports: list[str]
    keepalive_interval_s: int
    keepalive_count: int
    """Keepalives that may be missed."""
    expires_s: int
    attempts: list[Attempt] = []
    """Newest first."""


Digest = Literal["MD5", "SHA-256", "SM3"]
Host = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.:-]{1,253}$")]

ALL_DEVICES = "*"


class RedirectTarget(Body):
    """Another platform that devices are sent to (302, GB/T 28181-2022 9.1.2.3)."""

    server_id: GbCode
    host: Host
    port: int = Field(5060, ge=1, le=65535)
    transport: Literal["udp", "tcp"] = "udp"


class RegistrationRule(Body):
    """What differs when a device registers; what is empty stays as configured."""

    digest_algorithms: list[Digest] = Field([], max_length=3)
    """Offered in this order, one challenge each; old devices read only the first."""
    send_date: bool | None = None
    """Whether the local time is sent, for devices that set their clock wrongly by it."""
    redirect_to: RedirectTarget | None = None
    """Of one device: always. Of all devices: those that speak the 2022 edition."""


def build_rule(rule: RegistrationRuleView) -> RegistrationRule:
    """The JSON form of a rule."""
    target = None
    if rule.redirect_host:
        target = RedirectTarget(
            server_id=rule.redirect_server_id,
            host=rule.redirect_host,
            port=rule.redirect_port,
            transport="tcp" if rule.redirect_transport == "tcp" else "udp",
        )
    return RegistrationRule.model_validate(
        {
            "digest_algorithms": list(rule.digest_algorithms),
            "send_date": rule.send_date,
            "redirect_to": target,
        }
    )


def read_rule(device_id: str, rule: RegistrationRule) -> RegistrationRuleView:
    """The service's form of a rule."""
    view = RegistrationRuleView(
        device_id, digest_algorithms=tuple(rule.digest_algorithms), send_date=rule.send_date
    )
    target = rule.redirect_to
    if target is None:
        return view
    return replace(
        view,
        redirect_server_id=target.server_id,
        redirect_host=target.host,
        redirect_port=target.port,
        redirect_transport=target.transport,
    )


def build_attempt(attempt: AttemptView) -> Attempt:
    """The JSON form of an attempt."""
    return Attempt.model_validate(attempt)


@resource.route("GET", "/access", summary="Show the access values", permission=Permission.OPERATE)
async def show_access(call: Call) -> Access:
    """Tell what to type into a device, and what has tried to register."""
    directory = call.services.directory
    attempts = await directory.registration_attempts()
    values = Access.model_validate(directory.access_values())
    return values.model_copy(update={"attempts": [build_attempt(a) for a in attempts]})


@resource.route(
    "GET",
    "/access/registration-rule",
    summary="Show how all devices are registered",
    permission=Permission.OPERATE,
)
async def show_general_registration_rule(call: Call) -> RegistrationRule:
    """Tell what differs from the configuration for every device."""
    return build_rule(await call.services.registration_rules.rule(ALL_DEVICES))


@resource.route(
    "PUT",
    "/access/registration-rule",
    summary="Set how all devices are registered",
    permission=Permission.ADMINISTER,
    problems=("invalid",),
)
async def set_general_registration_rule(call: Call, body: RegistrationRule) -> RegistrationRule:
    """Replace it; an empty rule goes back to the configuration. A redirect sends every device that
    speaks the 2022 edition to the other platform when it registers next."""
    rule = read_rule(ALL_DEVICES, body)
    return build_rule(await call.services.registration_rules.set_rule(rule))


@resource.route(
    "GET",
    "/devices/{device_id}/registration-rule",
    summary="Show how a device is registered",
    permission=Permission.OPERATE,
    problems=("device_not_found",),
)
async def show_registration_rule(call: Call, device_id: GbCode) -> RegistrationRule:
    """Tell what differs for this device alone."""
    return build_rule(await call.services.registration_rules.rule(device_id))


@resource.route(
    "PUT",
    "/devices/{device_id}/registration-rule",
    summary="Set how a device is registered",
    permission=Permission.ADMINISTER,
    problems=("device_not_found", "invalid"),
)
async def set_registration_rule(
    call: Call, device_id: GbCode, body: RegistrationRule
) -> RegistrationRule:
    """Replace it: digests (MD5, SHA-256, SM3), time correction (校时), redirect (重定向) by 302."""
    rule = read_rule(device_id, body)
    return build_rule(await call.services.registration_rules.set_rule(rule))
