import inspect
import re
from typing import Any

import pytest

from channel_registry.records import OrganisationKind
from channel_registry.upper_records import CatalogForm, CodeMap, Share
from tests.vms.bench import T0
from tests.vms.services.cascade.samples import (
    BOX,
    EVERYTHING,
    UPPER,
    camera,
    device,
    facts,
    organisation,
    upper,
)
from vms.records import Finding, Severity
from vms.services.cascade import lint as module
from vms.services.cascade.lint import lint
from vms.services.cascade.share import build_tree
from web.words.platforms import FINDINGS


def findings(*things: Any, **more: Any) -> list[Finding]:
    share = more.pop("share", EVERYTHING)
    codes = more.pop("codes", CodeMap())
    platform = upper(more.pop("form", CatalogForm.FLAT), **more)
    return list(lint(platform, build_tree(platform, share, codes, facts(*things))))


def found(rule: str, *things: Any, **more: Any) -> list[Finding]:
    return [each for each in findings(*things, **more) if each.rule == rule]


def test_a_clean_tree_has_no_findings() -> None:
    assert findings(device(), camera(1), camera(2)) == []


def test_a_share_of_nothing_is_told() -> None:
    (one,) = findings(device(), camera(1), share=Share())
    assert (one.rule, one.severity, one.code) == ("nothing_shared", Severity.WARNING, "")


@pytest.mark.parametrize(
    ("rule", "severity", "channel", "detail"),
    [
        ("bad_structure", Severity.WARNING, {"code": "99040200411320000001"}, "99"),
        ("bad_structure", Severity.WARNING, {"code": "14040200411320000000"}, "000000"),
        ("civil_mismatch", Severity.WARNING, {"civil_code": "110101"}, "110101"),
        ("not_a_channel_type", Severity.ERROR, {"code": "14040200416000000001"}, "600"),
        ("empty_name", Severity.WARNING, {"name": " "}, ""),
        ("empty_name", Severity.WARNING, {"name": camera(1).code}, ""),
        ("name_too_long", Severity.WARNING, {"name": "矿" * 33}, "66"),
        ("odd_name", Severity.WARNING, {"name": "a\u200eb"}, ""),
        ("left_out_missing", Severity.NOTE, {"missing_since": T0}, ""),
        ("left_out_no_code", Severity.ERROR, {"code": "1404020041000001"}, ""),
    ],
)
def test_each_oddity_of_a_channel_has_its_rule(
    rule: str, severity: Severity, channel: dict[str, Any], detail: str
) -> None:
    (one,) = found(rule, device(), camera(1, **channel))
    assert (one.severity, one.detail) == (severity, detail)


def test_letters_that_the_charset_lacks_are_named() -> None:
    one = camera(1, name="䶮口𠮷")
    (told,) = found("not_encodable", device(), one, charset="GB2312")
    assert set(told.detail) == {"䶮", "𠮷"}
    assert found("not_encodable", device(), one, charset="GB18030") == []


def test_two_things_of_one_code_name_each_other() -> None:
    codes = CodeMap(codes={camera(2).code: camera(1).code})
    (one,) = found("left_out_same_code", device(), camera(1), camera(2), codes=codes)
    assert (one.severity, one.source) == (Severity.ERROR, camera(2).code)
    assert (one.code, one.detail) == (camera(1).code, camera(1).code)


def test_the_code_of_a_platform_is_refused_to_a_channel() -> None:
    (one,) = found(
        "left_out_own_code", device(), camera(1), codes=CodeMap(codes={camera(1).code: UPPER})
    )
    assert (one.code, one.source) == (UPPER, camera(1).code)


def test_what_came_from_the_upper_is_a_note() -> None:
    (one,) = found("left_out_loop", device(UPPER), camera(1, UPPER))
    assert one.severity is Severity.NOTE


def test_gaps_in_a_numbering_are_told_once_for_a_series() -> None:
    (one,) = found("serial_gap", device(), *(camera(n) for n in (1, 2, 5, 7, 9)))
    assert one.detail == "000003-000004, 000006, 000008"
    assert found("serial_gap", device(), camera(1), camera(5_000)) == []


def test_names_that_people_cannot_tell_apart_are_told() -> None:
    twins = [camera(1, name="井口"), camera(2, name="井口"), camera(3, name="车场")]
    assert [each.detail for each in found("same_name", device(), *twins)] == ["2", "2"]


def test_a_parent_that_nobody_lists_is_told_where_parents_count() -> None:
    lost = camera(1, parent_id="14040200411180000099")
    (one,) = found("orphan", device(), lost, form=CatalogForm.CIVIL_CODE)
    assert one.detail == "14040200411180000099"
    assert found("orphan", device(), lost) == []
    named = organisation(OrganisationKind.DEVICE, "14040200411180000099", BOX)
    there = [device(), named, camera(1, parent_id=named.code, organisation_id=named.id)]
    assert found("orphan", *there, form=CatalogForm.CIVIL_CODE) == []


def test_a_region_without_a_name_is_a_note() -> None:
    told = found("region_without_name", device(), camera(1), form=CatalogForm.CIVIL_CODE)
    assert [each.code for each in told] == ["140402"]


def test_the_worst_comes_first() -> None:
    things = [camera(1, name=" "), camera(2, code="14040200416000000001"), camera(5)]
    severities = [each.severity for each in findings(device(), *things)]
    assert severities == sorted(severities, key=list(Severity).index)


def test_every_rule_has_words_in_both_languages() -> None:
    source = inspect.getsource(module)
    rules = set(re.findall(r'Severity\.\w+, "(\w+)"', source)) | {
        f"left_out_{reason}" for reason in module.LEFT_OUT
    }
    assert rules | {"orphan"} == set(FINDINGS)
    assert all(len(texts) == 4 and all(texts) for texts in FINDINGS.values())
