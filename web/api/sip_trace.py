"""Signalling (信令): what passed between us and a device, a platform or an address, masked."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from vms.services.signalling_trace import TraceFilter, TracePage
from web.api.wire import WITHOUT_NUL, Body, GbCode, Search, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource(
    "signalling", "Signalling (信令): the latest SIP messages of a peer, without secrets."
)
PCAP = "application/vnd.tcpdump.pcap"

Word = Annotated[str, StringConstraints(max_length=256, pattern=WITHOUT_NUL)]
Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Fa-f.:\[\]]+$"),
    Field(examples=["10.1.2.3:5060"]),
]
Place = Annotated[int, Field(ge=0, le=2**53)]


class SipMessage(Wire):
    """One message; a response carries what its request said of kind, command, session, about."""

    number: int
    """Grows with each message of the server, over restarts too."""
    at: datetime
    is_sent: bool
    """By us."""
    transport: str
    host: str
    """Of the peer."""
    port: int
    size_bytes: int
    is_repeated: bool
    """The same octets passed before: a retransmission."""
    is_cut: bool
    """Longer than what is kept."""
    method: str
    """Of a response that of its CSeq; empty where nothing could be read."""
    status: int | None
    """Null for a request."""
    reason: Text
    cseq: int | None
    call_id: str
    from_id: Text
    to_id: Text
    kind: Text
    """Query, Control, Notify or Response, from the body."""
    command: Text
    """CmdType, or the order of a DeviceControl, or the method of a MANSRTSP body."""
    session: Text
    """Play, Playback, Download or Talk, of an INVITE."""
    about: Text
    """The code of the channel or device that it concerns."""
    has_credentials: bool
    is_end: bool
    """A registration or subscription that is ended (Expires 0)."""
    text: str
    """The message, its secrets replaced by ***; of a nonce a fingerprint (~) is left."""


class SipMessageList(Wire):
    """Messages, oldest first."""

    items: list[SipMessage]
    cursor: int
    """`after` for what comes next."""
    has_more: bool
    """Others that fit are left out: newer ones with `after`, else older ones."""
    own_host: str
    """Our address, as peers know it."""
    own_port: int


class SipQuery(Body):
    """Which messages; without `after` the newest ones."""

    after: Place = 0
    """Only newer ones than this number."""
    before: Place = 0
    """Only older ones."""
    limit: int = Field(200, ge=1, le=1000)
    method: Word = ""
    call_id: Word = ""
    about: Word = ""
    """The code of a channel or device."""
    q: Search = ""
    """Text in the masked message."""
    keepalives: bool = True


class SipAddressQuery(SipQuery):
    """Which messages of which address."""

    address: Address
    """`host` or `host:port`."""


def build_list(page: TracePage) -> SipMessageList:
    """The JSON form."""
    return SipMessageList(
        items=[
            SipMessage.model_validate(
                {name: getattr(message, name) for name in SipMessage.model_fields}
                | {"status": message.status or None}
                | {"cseq": message.cseq if message.cseq >= 0 else None}
            )
            for message in page.messages
        ],
        cursor=page.cursor,
        has_more=page.has_more,
        own_host=page.own[0],
        own_port=page.own[1],
    )


def read_query(query: SipQuery) -> TraceFilter:
    """The service's form of a query."""
    return TraceFilter(
        after=query.after,
        before=query.before,
        limit=query.limit,
        method=query.method,
        call_id=query.call_id,
        about=query.about,
        text=query.q,
        keepalives=query.keepalives,
    )


def _file(capture: bytes, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="sip_{name}.pcap"'}
    return web.Response(body=capture, content_type=PCAP, headers=headers)


@resource.route(
    "GET",
    "/devices/{device_id}/sip",
    summary="List SIP messages of a device",
    permission=Permission.OPERATE,
    problems=("device_not_found",),
)
async def list_device_sip(call: Call, device_id: GbCode, query: SipQuery) -> SipMessageList:
    """List what passed between us and a device, from whichever address it sent."""
    await call.services.directory.device(device_id)
    return build_list(await call.services.signalling.of(device_id, read_query(query)))


@resource.route(
    "GET",
    "/devices/{device_id}/sip.pcap",
    summary="Take SIP messages of a device along",
    permission=Permission.OPERATE,
    media_type=PCAP,
    problems=("device_not_found",),
    is_audited=True,
)
async def take_device_sip(call: Call, device_id: GbCode, query: SipQuery) -> web.Response:
    """Answer a capture file for Wireshark; secrets are masked in it too."""
    await call.services.directory.device(device_id)
    capture = await call.services.signalling.capture_of(device_id, read_query(query))
    return _file(capture, device_id)


@resource.route(
    "GET",
    "/platforms/{platform_id}/sip",
    summary="List SIP messages of an upper platform",
    permission=Permission.OPERATE,
    problems=("platform_not_found",),
)
async def list_platform_sip(call: Call, platform_id: GbCode, query: SipQuery) -> SipMessageList:
    """List what passed between us and a platform."""
    call.services.platforms.platform(platform_id)
    return build_list(await call.services.signalling.of(platform_id, read_query(query)))


@resource.route(
    "GET",
    "/platforms/{platform_id}/sip.pcap",
    summary="Take SIP messages of an upper platform along",
    permission=Permission.OPERATE,
    media_type=PCAP,
    problems=("platform_not_found",),
    is_audited=True,
)
async def take_platform_sip(call: Call, platform_id: GbCode, query: SipQuery) -> web.Response:
    """Answer a capture file for Wireshark; secrets are masked in it too."""
    call.services.platforms.platform(platform_id)
    capture = await call.services.signalling.capture_of(platform_id, read_query(query))
    return _file(capture, platform_id)


@resource.route(
    "GET",
    "/sip",
    summary="List SIP messages of an address",
    permission=Permission.OPERATE,
    problems=("invalid",),
)
async def list_address_sip(call: Call, query: SipAddressQuery) -> SipMessageList:
    """List what passed between us and an address: a device that does not get in is found so."""
    return build_list(await call.services.signalling.at(query.address, read_query(query)))


@resource.route(
    "GET",
    "/sip.pcap",
    summary="Take SIP messages of an address along",
    permission=Permission.OPERATE,
    media_type=PCAP,
    problems=("invalid",),
    is_audited=True,
)
async def take_address_sip(call: Call, query: SipAddressQuery) -> web.Response:
    """Answer a capture file for Wireshark; secrets are masked in it too."""
    capture = await call.services.signalling.capture_at(query.address, read_query(query))
    return _file(capture, query.address.translate(str.maketrans(":[]", "___")))
