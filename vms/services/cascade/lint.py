"""What is odd about a shared tree, found before anything is sent. Pure.

Every rule has its words in `web/words/platforms.py`. Severities: an error is what the upper
platform would reject or mix up, a warning looks wrong there, a note is worth knowing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

from channel_registry.codes import ChannelCode, CodeKind, is_civil_code
from channel_registry.records import ChannelRecord
from channel_registry.regions import PROVINCES
from channel_registry.upper_records import CatalogForm, UpperPlatform
from sip.events import CatalogItem
from vms.records.platforms import Finding, Severity
from vms.services.cascade.share import SharedTree

LONGEST_NAME_BYTES = 64
"""In the charset of the platform; 2016 and 2022 set no limit, but many peers cut at 64 bytes."""
MOST_FINDINGS = 10_000
LARGEST_GAP = 1_000
"""More missing numbers than this is another numbering, not a gap."""
LEFT_OUT = {
    "same_code": Severity.ERROR,
    "own_code": Severity.ERROR,
    "no_code": Severity.ERROR,
    "missing": Severity.NOTE,
    "loop": Severity.NOTE,
}


def lint(platform: UpperPlatform, tree: SharedTree) -> tuple[Finding, ...]:
    """Everything odd, the worst first, at most MOST_FINDINGS of each severity."""
    found: dict[Severity, list[Finding]] = {severity: [] for severity in Severity}
    for finding in _findings(platform, tree):
        if len(found[finding.severity]) < MOST_FINDINGS:
            found[finding.severity].append(finding)
    return tuple(
        finding
        for severity in Severity
        for finding in sorted(found[severity], key=lambda each: (each.rule, each.code))
    )


def _findings(platform: UpperPlatform, tree: SharedTree) -> Iterator[Finding]:
    if not tree.channels:
        yield Finding(Severity.WARNING, "nothing_shared", "")
    yield from _left_out(tree)
    known = {item.device_id for item in tree.items}
    for item in tree.items:
        yield from _name_findings(platform, tree, item)
        if len(item.device_id) == 20:
            yield from _code_findings(tree, item)
        yield from _parent_findings(item, known)
    if platform.catalog_form is not CatalogForm.FLAT:
        yield from _lost_parents(tree)
    yield from _same_names(tree)
    yield from _gaps(tree)


def _of(
    severity: Severity, rule: str, tree: SharedTree, item: CatalogItem, detail: str = ""
) -> Finding:
    source = tree.source(item.device_id) or ""
    return Finding(severity, rule, item.device_id, item.name, detail, source)


def _left_out(tree: SharedTree) -> Iterator[Finding]:
    for each in tree.left_out:
        channel = each.channel
        other = tree.source(each.code) or each.code if each.reason == "same_code" else each.code
        code = each.code or channel.code
        yield Finding(
            LEFT_OUT[each.reason],
            f"left_out_{each.reason}",
            code,
            channel.name,
            other,
            channel.code,
        )
    for code, source, name in tree.clashes:
        other = tree.source(code) or ""
        yield Finding(Severity.ERROR, "left_out_same_code", code, name, other, source)


def _name_findings(
    platform: UpperPlatform, tree: SharedTree, item: CatalogItem
) -> Iterator[Finding]:
    name = item.name.strip()
    if not name or name == tree.source(item.device_id):
        yield _of(Severity.WARNING, "empty_name", tree, item)
        return
    if len(item.device_id) <= 8 and name == item.device_id:
        yield _of(Severity.NOTE, "region_without_name", tree, item)
        return
    encoded = name.encode(platform.charset, errors="replace")
    if encoded.decode(platform.charset, errors="replace") != name:
        lost = sorted({letter for letter in name if not _fits(letter, platform.charset)})
        yield _of(Severity.WARNING, "not_encodable", tree, item, "".join(lost[:10]))
    if len(encoded) > LONGEST_NAME_BYTES:
        yield _of(Severity.WARNING, "name_too_long", tree, item, str(len(encoded)))
    if not name.isprintable():
        yield _of(Severity.WARNING, "odd_name", tree, item)


def _fits(letter: str, charset: str) -> bool:
    try:
        letter.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _code_findings(tree: SharedTree, item: CatalogItem) -> Iterator[Finding]:
    code = ChannelCode(item.device_id)
    if code[:2] not in PROVINCES or code.serial == "000000":
        detail = code[:2] if code[:2] not in PROVINCES else code.serial
        yield _of(Severity.WARNING, "bad_structure", tree, item, detail)
    civil = item.civil_code
    if is_civil_code(civil) and not (
        code.centre.startswith(civil) or civil.startswith(code.civil_code)
    ):
        yield _of(Severity.WARNING, "civil_mismatch", tree, item, civil)
    if item.device_id in tree.channels and code.kind is not CodeKind.CHANNEL:
        yield _of(Severity.ERROR, "not_a_channel_type", tree, item, f"{code.type:03d}")


def _parent_findings(item: CatalogItem, known: set[str]) -> Iterator[Finding]:
    for parent in item.parent_ids:
        if parent not in known:
            yield Finding(Severity.ERROR, "parent_not_shared", item.device_id, item.name, parent)


def _lost_parents(tree: SharedTree) -> Iterator[Finding]:
    """Channels whose device named a parent that it does not list: they hang right below it."""
    for code, channel in tree.channels.items():
        if channel.parent_id and channel.organisation_id is None:
            named = channel.parent_id.split("/")
            if not any(_is_known(each, tree, channel) for each in named):
                item = Finding(
                    Severity.NOTE, "orphan", code, channel.name, channel.parent_id, channel.code
                )
                yield item


def _is_known(named: str, tree: SharedTree, channel: ChannelRecord) -> bool:
    own = named in (channel.device_id, channel.code, tree.own_id)
    return own or is_civil_code(named) or tree.code(named) is not None


def _same_names(tree: SharedTree) -> Iterator[Finding]:
    """Two cameras of one name below one parent: people above cannot tell them apart."""
    cameras = [item for item in tree.items if item.device_id in tree.channels and item.name]
    counted = Counter((item.parent_ids, item.name) for item in cameras)
    for item in cameras:
        number = counted[item.parent_ids, item.name]
        if number > 1:
            yield _of(Severity.NOTE, "same_name", tree, item, str(number))


def _gaps(tree: SharedTree) -> Iterator[Finding]:
    """Numbers that are missing inside a series: forgotten cameras, or ones kept back on purpose."""
    series: dict[str, list[int]] = {}
    for code in tree.channels:
        series.setdefault(code[:14], []).append(int(code[14:]))
    for stem, serials in series.items():
        gaps = [
            (first + 1, last - 1)
            for first, last in pairwise(sorted(serials))
            if 1 < last - first <= LARGEST_GAP
        ]
        if gaps:
            yield Finding(Severity.NOTE, "serial_gap", f"{stem}{gaps[0][0]:06d}", "", _told(gaps))


def _told(gaps: Iterable[tuple[int, int]]) -> str:
    shown = list(islice(gaps, 6))
    texts = [f"{a:06d}" if a == b else f"{a:06d}-{b:06d}" for a, b in shown[:5]]
    return ", ".join(texts) + (" …" if len(shown) > 5 else "")
