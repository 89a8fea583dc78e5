"""What an upper platform sees: the share, the codes, a preview of the tree, and what is odd."""

from typing import Annotated

from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints

from vms.records import CodeRule, CodeSource, Severity
from vms.records import Finding as FindingView
from vms.records import PreviewNode as PreviewNodeView
from vms.records import Share as ShareView
from web.api.wire import Body, GbCode, PageOf, PageQuery, Search, Text, Wire
from web.call import Call
from web.language import Language
from web.route import Permission, Resource
from web.words.platforms import BAD_CODE_LINES, FINDINGS

resource = Resource("platform-shares", "Shares (共享): what an upper platform sees, and as what.")

MOST = 100_000
LARGEST_FILE = 32 * 1024 * 1024
CHUNK = 64 * 1024
CSV = "text/csv"
Key = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
"""A code of ours, or the id of an organisation."""
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$"), Field(examples=["1404"])]
CategoryKey = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}([0-9]{2})?$")]


class Share(Body):
    """What it may see; the parts add up, the exclusions win."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organisations": ["14040000001180000001"],
                    "categories": ["05"],
                    "excluded": ["14040000001320000007"],
                }
            ]
        }
    )

    everything: bool = False
    organisations: list[Key] = Field([], max_length=MOST)
    """Ids of tree nodes: organisations or devices, each with all below it."""
    categories: list[CategoryKey] = Field([], max_length=200)
    """Two digits, or four."""
    channels: list[Key] = Field([], max_length=MOST)
    """Single channels, by our code."""
    excluded: list[Key] = Field([], max_length=MOST)
    """Channels that are kept back, by our code."""


class Finding(Wire):
    """Something to look at before it is sent."""

    severity: Severity
    rule: str
    """Stable name of what is wrong."""
    code: Text
    """The item, as the upper platform sees it; null: the whole tree."""
    name: Text
    source: Text
    """Our own code or id of it."""
    detail: Text
    title: str
    """What is wrong, in the reader's language."""
    hint: str
    """What to do, in the reader's language."""


class FindingPage(PageOf[Finding]):
    """Findings, the worst first."""

    errors: int
    """Over all pages."""
    warnings: int
    notes: int


class FindingQuery(PageQuery):
    """Which findings."""

    severity: Severity | None = None
    rule: str = Field("", max_length=64, pattern=r"^[a-z_]*$")


class PreviewNode(Wire):
    """One item, as the upper platform sees it."""

    code: str
    name: str
    kind: str
    """region, system, group, virtual, device or channel."""
    status_on: bool
    parent: Text
    """The node it is shown under."""
    parent_ids: list[str]
    """ParentID as it is sent."""
    civil_code: Text
    channels: int
    """Below it; 1 for a channel."""
    has_children: bool
    source: Text
    """Our own code or id of it."""
    findings: list[Finding]


class PreviewPage(PageOf[PreviewNode]):
    """Children of a node, or what was searched for."""

    items_total: int
    """Items of the whole catalogue."""
    channels_total: int


class PreviewQuery(PageQuery):
    """Which part of the tree."""

    node: str = Field("", pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{8}|[0-9]{20})?$")
    """Its children; empty: the roots."""
    q: Search = ""
    """Part of a name or code: items of the whole tree."""


class PrefixRule(Body):
    """Codes that begin with `ours` are shown with `theirs` instead, of the same length."""

    ours: Digits
    theirs: Digits


class CodeLine(Wire):
    """One shared thing and its code there."""

    ours: str
    name: str
    theirs: str
    source: CodeSource


class CodePage(PageOf[CodeLine]):
    """The codes that the platform sees."""

    rules: list[PrefixRule]


class CodeQuery(PageQuery):
    """Which codes."""

    q: Search = ""
    """Part of a name or of either code."""
    source: CodeSource | None = None


class CodeGiven(Body):
    """One code of ours and what the platform shall see instead."""

    ours: Key
    theirs: GbCode | None
    """Null: take the given code back."""


class CodeChange(Body):
    """New rules, or codes given and taken back; what is not named stays."""

    rules: list[PrefixRule] | None = Field(None, max_length=100)
    codes: list[CodeGiven] = Field([], max_length=10_000)


class BadCodeLine(Wire):
    """A line that cannot be."""

    line: int
    """Counts from 1, the head line."""
    reason: str
    detail: str
    """What is wrong, in the reader's language."""
    text: str
    """The beginning of the line."""


class CodeImport(Wire):
    """What became of a list; with bad lines nothing was changed."""

    lines: int
    is_taken: bool
    bad: list[BadCodeLine]


def build_finding(finding: FindingView, language: Language) -> Finding:
    """The JSON form of a finding, with its words."""
    title_zh, title_en, hint_zh, hint_en = FINDINGS[finding.rule]
    title, hint = (title_zh, hint_zh) if language is Language.ZH else (title_en, hint_en)
    names = ("severity", "rule", "code", "name", "source", "detail")
    fields = {name: getattr(finding, name) for name in names}
    return Finding(**fields, title=title, hint=hint)


def build_node(node: PreviewNodeView, language: Language) -> PreviewNode:
    """The JSON form of an item."""
    fields = {name: getattr(node, name) for name in PreviewNode.model_fields if name != "findings"}
    fields["parent_ids"] = list(node.parent_ids)
    return PreviewNode(**fields, findings=[build_finding(f, language) for f in node.findings])


def build_share(share: ShareView) -> Share:
    """The JSON form of a share."""
    parts = ("organisations", "categories", "channels", "excluded")
    return Share(
        everything=share.everything, **{name: sorted(getattr(share, name)) for name in parts}
    )


def read_share(body: Share) -> ShareView:
    """The service's form of a share."""
    return ShareView(
        everything=body.everything,
        organisations=frozenset(body.organisations),
        categories=frozenset(body.categories),
        channels=frozenset(body.channels),
        excluded=frozenset(body.excluded),
    )


@resource.route(
    "GET",
    "/platforms/{platform_id}/share",
    summary="Show what is shared",
    permission=Permission.OPERATE,
    problems=("platform_not_found",),
)
async def show_share(call: Call, platform_id: GbCode) -> Share:
    """Tell which parts of the tree an upper platform may see."""
    return build_share(call.services.platforms.share(platform_id))


@resource.route(
    "PUT",
    "/platforms/{platform_id}/share",
    summary="Share something",
    permission=Permission.ADMINISTER,
    problems=("platform_not_found", "invalid"),
)
async def replace_share(call: Call, platform_id: GbCode, body: Share) -> Share:
    """Replace the share; where the platform has subscribed to the catalogue, it is told."""
    await call.services.platforms.set_share(platform_id, read_share(body))
    return build_share(call.services.platforms.share(platform_id))


@resource.route(
    "GET",
    "/platforms/{platform_id}/preview",
    summary="Show what it sees",
    permission=Permission.OPERATE,
    problems=("platform_not_found",),
)
async def preview_platform(call: Call, platform_id: GbCode, query: PreviewQuery) -> PreviewPage:
    """Page through the tree as the upper platform will get it, before anything is sent."""
    preview = await call.services.platforms.preview(
        platform_id, node=query.node, q=query.q, page=query.page, size=query.size
    )
    return PreviewPage(
        items=[build_node(node, call.language) for node in preview.page.items],
        total=preview.page.total,
        page=preview.page.page,
        size=preview.page.size,
        items_total=preview.items,
        channels_total=preview.channels,
    )


@resource.route(
    "GET",
    "/platforms/{platform_id}/lint",
    summary="Check what it sees",
    permission=Permission.OPERATE,
    problems=("platform_not_found",),
)
async def check_platform(call: Call, platform_id: GbCode, query: FindingQuery) -> FindingPage:
    """List what is odd about names, codes and parents, the worst first."""
    report = await call.services.platforms.check(
        platform_id, severity=query.severity, rule=query.rule, page=query.page, size=query.size
    )
    return FindingPage(
        items=[build_finding(each, call.language) for each in report.page.items],
        total=report.page.total,
        page=report.page.page,
        size=report.page.size,
        errors=report.errors,
        warnings=report.warnings,
        notes=report.notes,
    )


@resource.route(
    "GET",
    "/platforms/{platform_id}/codes",
    summary="List the codes it sees",
    permission=Permission.OPERATE,
    problems=("platform_not_found",),
)
async def list_codes(call: Call, platform_id: GbCode, query: CodeQuery) -> CodePage:
    """Page through the shared things with our code and theirs."""
    service = call.services.platforms
    page = await service.codes(
        platform_id, q=query.q, source=query.source, page=query.page, size=query.size
    )
    rules = service.code_map(platform_id).rules
    return CodePage(
        items=[CodeLine.model_validate(line) for line in page.items],
        total=page.total,
        page=page.page,
        size=page.size,
        rules=[PrefixRule(ours=rule.ours, theirs=rule.theirs) for rule in rules],
    )


@resource.route(
    "PATCH",
    "/platforms/{platform_id}/codes",
    summary="Give other codes",
    permission=Permission.ADMINISTER,
    problems=("platform_not_found", "invalid"),
)
async def change_codes(call: Call, platform_id: GbCode, body: CodeChange) -> CodePage:
    """Set the rules, give codes to single things or take them back."""
    rules = None
    if body.rules is not None:
        rules = tuple(CodeRule(rule.ours, rule.theirs) for rule in body.rules)
    given = {each.ours: each.theirs for each in body.codes}
    await call.services.platforms.change_codes(platform_id, rules, given)
    return await list_codes(call, platform_id, CodeQuery())


@resource.route(
    "GET",
    "/platforms/{platform_id}/codes.csv",
    summary="Take the codes along",
    permission=Permission.OPERATE,
    media_type=CSV,
    problems=("platform_not_found",),
)
async def export_codes(call: Call, platform_id: GbCode) -> web.StreamResponse:
    """Answer every shared thing as a table: ours, theirs, name, source."""
    text = await call.services.platforms.export_codes(platform_id)
    headers = {"Content-Disposition": f'attachment; filename="codes_{platform_id}.csv"'}
    return web.Response(
        body=text.encode("utf-8-sig"), content_type=CSV, charset="utf-8", headers=headers
    )


@resource.route(
    "PUT",
    "/platforms/{platform_id}/codes.csv",
    summary="Bring codes in",
    permission=Permission.ADMINISTER,
    takes_file=True,
    problems=("platform_not_found", "too_large"),
)
async def import_codes(call: Call, platform_id: GbCode) -> CodeImport:
    """Replace the given codes by a table with the columns ours and theirs; other columns are
    ignored, and one bad line keeps everything as it is."""
    done = await call.services.platforms.import_codes(platform_id, await _read_file(call.request))
    zh = call.language is Language.ZH
    return CodeImport(
        lines=done.lines,
        is_taken=not done.bad,
        bad=[
            BadCodeLine(
                line=bad.line,
                reason=bad.reason,
                detail=BAD_CODE_LINES[bad.reason][0 if zh else 1],
                text=bad.text,
            )
            for bad in done.bad
        ],
    )


async def _read_file(request: web.Request) -> bytes:
    """The body as it is; raises 413 above what a table may have."""
    data = bytearray()
    async for chunk in request.content.iter_chunked(CHUNK):
        data += chunk
        if len(data) > LARGEST_FILE:
            raise web.HTTPRequestEntityTooLarge(LARGEST_FILE, len(data))
    return bytes(data)
