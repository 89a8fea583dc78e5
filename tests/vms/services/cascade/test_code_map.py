import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from vms.records import CodeLine, CodeSource
from vms.services.cascade.code_map import build_csv, read_csv

OURS, OTHER, LOCAL = "14040200411320000001", "14040200411320000002", "local-mine"
THEIRS = "14990000001320000001"
KNOWN = {OURS: OURS, OTHER: OTHER, LOCAL: ""}


def reasons(text: str) -> list[tuple[int, str]]:
    _, done = read_csv(text.encode(), KNOWN)
    return [(bad.line, bad.reason) for bad in done.bad]


def test_a_table_that_was_taken_along_comes_back() -> None:
    lines = [
        CodeLine(OURS, "主井口", THEIRS, CodeSource.GIVEN),
        CodeLine(OTHER, '=HYPERLINK("x")', OTHER, CodeSource.OWN),
    ]
    table = build_csv(lines)
    rows = list(csv.reader(io.StringIO(table)))
    assert rows[0] == ["ours", "theirs", "name", "source"]
    assert rows[2][2].startswith("'=")
    given_codes, done = read_csv(table.encode("utf-8-sig"), KNOWN)
    assert (given_codes, done.lines, done.bad) == ({OURS: THEIRS}, 2, ())


def test_spreadsheets_write_other_separators_and_charsets() -> None:
    for text in (f"名称;ours;theirs\n甲;{OURS};{THEIRS}\n", f"theirs\tours\n{THEIRS}\t'{OURS}\n"):
        for charset in ("utf-8", "utf-8-sig", "gb18030"):
            assert read_csv(text.encode(charset), KNOWN)[0] == {OURS: THEIRS}


def test_every_bad_line_is_named_with_its_reason() -> None:
    text = (
        f"ours,theirs\n{OURS},{THEIRS}\nnobody,{THEIRS}\n\n{OTHER},123\n"
        f"{OURS},14990000001320000002\n{OTHER},{THEIRS}\n{OTHER}\n"
    )
    assert reasons(text) == [
        (3, "unknown"),
        (5, "bad_code"),
        (6, "twice"),
        (7, "same_code"),
        (8, "bad_code"),
    ]


def test_a_table_without_the_columns_is_refused_at_its_head() -> None:
    assert reasons("a,b\n1,2\n") == [(1, "columns")]
    assert reasons("") == [(1, "columns")]


def test_bytes_that_are_no_text_are_refused() -> None:
    given_codes, done = read_csv(b"\xff\xfe\x00o\x00u", KNOWN)
    assert given_codes == {}
    assert [bad.reason for bad in done.bad] in (["unreadable"], ["columns"])


def test_a_code_that_is_the_usual_one_is_not_kept_as_given() -> None:
    assert read_csv(f"ours,theirs\n{OURS},{OURS}\n".encode(), KNOWN)[0] == {}


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for whole in (data, b"ours,theirs\n" + data):
        codes, done = read_csv(whole, KNOWN)
        assert set(codes) <= set(KNOWN)
        assert len(done.bad) <= 1_000
