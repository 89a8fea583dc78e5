import pytest

from sip.gb28181.subject import Subject, parse_subject

TEXT = "34020000001320000001:0200000001,34020000002000000001:0"


def test_subject_survives_a_round_trip():
    subject = parse_subject(TEXT)
    assert str(subject) == TEXT
    assert subject.sender_pair == ("34020000001320000001", "0200000001")


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (" a : 1 , b : 0 ", Subject("a", "1", "b", "0")),
        ("a:1", Subject("a", "1")),
        ("a", Subject("a", "")),
        ("", None),
        (None, None),
        (":1,b:0", None),
        ("a:1,b:0,c:2", None),
        ("a:" + "1" * 99, None),
    ],
)
def test_loose_forms(text, subject):
    assert parse_subject(text) == subject
