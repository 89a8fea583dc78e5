"""The codes of one upper platform as people see and change them. Pure."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from channel_registry.records import OrganisationKind
from channel_registry.upper_records import CodeMap, CodeRule, DirectoryFacts
from vms.errors import Invalid
from vms.records.platforms import CodeLine, CodeSource
from vms.services.cascade.code_map import CodeBook, group_type, is_code
from vms.services.cascade.selection import is_system
from vms.services.cascade.share import SharedTree

_CODED = {
    OrganisationKind.LOCAL,
    OrganisationKind.GROUP,
    OrganisationKind.VIRTUAL,
    OrganisationKind.DEVICE,
}
LONGEST = 20


def code_lines(tree: SharedTree, codes: CodeMap) -> tuple[CodeLine, ...]:
    """Every shared thing that has a code of its own, in the order of sending."""
    lines = []
    for item in tree.items:
        ours = tree.source(item.device_id)
        if ours is not None:
            source = tree.code_sources.get(item.device_id) or _source(ours, item.device_id, codes)
            lines.append(CodeLine(ours, item.name, item.device_id, source))
    return tuple(lines)


def matching(lines: Iterable[CodeLine], q: str, source: CodeSource | None) -> list[CodeLine]:
    """Those of one source (of any for None) whose name or one of whose codes holds a text."""
    text = q.strip().lower()
    return [
        line
        for line in lines
        if (source is None or line.source is source)
        and (text in line.name.lower() or text in line.ours or text in line.theirs)
    ]


def _source(ours: str, theirs: str, codes: CodeMap) -> CodeSource:
    """Why a device or an organisation has its code; one of a catalogue is called `device-code`."""
    base = ours.rpartition("-")[2]
    if base == theirs:
        return CodeSource.OWN
    if ours in codes.codes or base in codes.codes:
        return CodeSource.GIVEN
    return CodeSource.RULE if len(base) == LONGEST else CodeSource.MADE


def known_codes(facts: DirectoryFacts, codes: CodeMap) -> dict[str, str]:
    """Everything that may be given a code, with the one it would have without (empty: none yet)."""
    book = CodeBook(replace(codes, codes={}), facts.national)
    known: dict[str, str] = {}
    for channel in facts.channels:
        found = book.channel(channel.code)
        known[channel.code] = found[0] if found is not None else ""
    for device in facts.devices:
        if not is_system(device.id):
            known.setdefault(device.id, book.device(device.id))
    for record in facts.organisations:
        if record.kind in _CODED:
            known[record.id] = book.organisation(record, group_type(record)) or ""
    return known


def read_change(
    before: CodeMap,
    rules: tuple[CodeRule, ...] | None,
    given: Mapping[str, str | None],
    known: Container[str],
    banned: Container[str],
) -> CodeMap:
    """The codes after a change; raises Invalid that names the rule or the code that cannot be."""
    rules = before.rules if rules is None else rules
    _check_rules(rules)
    codes = dict(before.codes)
    for ours, theirs in given.items():
        if theirs is None:
            codes.pop(ours, None)
        elif ours not in known:
            raise Invalid(f"codes.{ours}", "unknown_thing")
        elif not is_code(theirs):
            raise Invalid(f"codes.{ours}", "bad_code")
        elif theirs in banned:
            raise Invalid(f"codes.{ours}", "same_as_own")
        else:
            codes[ours] = theirs
    owners: dict[str, str] = {}
    for ours, theirs in codes.items():
        other = owners.setdefault(theirs, ours)
        if other != ours:
            raise Invalid(f"codes.{ours}", "same_code", other=other)
    return CodeMap(codes=codes, rules=rules)


def _check_rules(rules: tuple[CodeRule, ...]) -> None:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        digits = f"{rule.ours}{rule.theirs}"
        is_number = digits.isascii() and digits.isdigit()
        if not is_number or not 0 < len(rule.ours) == len(rule.theirs) <= LONGEST:
            raise Invalid(f"rules.{index}", "bad_rule")
        if rule.ours in seen:
            raise Invalid(f"rules.{index}", "twice")
        seen.add(rule.ours)
