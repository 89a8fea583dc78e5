"""Access: the values to type into a camera or box, and what has tried to register."""

from datetime import datetime

from vms.records import AttemptView
from web.api.wire import Text, Wire
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
