import pytest

from sip.errors import LocalProtocolError, MalformedMessage
from sip.message import Headers, split_values


def test_names_are_found_without_regard_to_case_and_in_compact_form() -> None:
    headers = Headers([("v", "one"), ("CALL-ID", "x"), ("X-Odd", "1")])
    assert headers.get("Via") == headers.get("via") == headers.get("V") == "one"
    assert headers.get("i") == "x"
    assert headers.get("x-ODD") == "1"
    assert "Contact" not in headers


def test_order_and_spelling_survive() -> None:
    items = [("via", "a"), ("X-First", "1"), ("Via", "b")]
    headers = Headers(items)
    assert list(headers.items()) == items
    assert headers.get_all("Via") == ["a", "b"]


def test_set_replaces_all_lines_at_the_place_of_the_first() -> None:
    headers = Headers([("Via", "a"), ("To", "t"), ("Via", "b")])
    headers.set("Via", "c")
    assert list(headers.items()) == [("Via", "c"), ("To", "t")]
    assert headers.get_all("via") == ["c"]


def test_replace_first_leaves_the_others() -> None:
    headers = Headers([("Via", "a"), ("Via", "b")])
    headers.replace_first("v", "c")
    assert headers.get_all("via") == ["c", "b"]
    headers.replace_first("To", "t")
    assert headers.get("to") == "t"


def test_insert_first_puts_a_new_top_via() -> None:
    headers = Headers([("Via", "a")])
    headers.insert_first("Via", "b")
    assert headers.get_all("via") == ["b", "a"]


def test_remove_takes_all_lines_and_tolerates_none() -> None:
    headers = Headers([("Via", "a"), ("To", "t"), ("v", "b")])
    headers.remove("Via")
    headers.remove("Via")
    assert list(headers.items()) == [("To", "t")]
    assert len(headers) == 1


def test_a_copy_is_independent() -> None:
    headers = Headers([("Via", "a")])
    copy = headers.copy()
    copy.add("Via", "b")
    assert headers.get_all("via") == ["a"]
    assert copy != headers


def test_parsed_values_are_forgotten_when_the_header_changes() -> None:
    headers = Headers([("Expires", "1")])
    assert headers.typed("expires", int) == 1
    headers.set("Expires", "2")
    assert headers.typed("expires", int) == 2


@pytest.mark.parametrize("value", ["a\r\nVia: evil", "a\nb", "a\rb"])
def test_a_value_cannot_break_out_of_its_line(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        Headers().add("Subject", value)
    with pytest.raises(LocalProtocolError):
        Headers().set("Sub\nject", "x")


def test_a_missing_mandatory_header_is_the_packages_own_error() -> None:
    with pytest.raises(MalformedMessage):
        Headers().typed("to", str)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b ,c", ["a", "b", "c"]),
        ('"a,b" <sip:x,y>, c', ['"a,b" <sip:x,y>', "c"]),
        ('"a\\",b", c', ['"a\\",b"', "c"]),
        ("", [""]),
    ],
)
def test_commas_in_quotes_and_brackets_do_not_separate(text: str, parts: list[str]) -> None:
    assert split_values(text) == parts


@pytest.mark.parametrize("text", ['"a, b', "<sip:a, b", '"a\\"'])
def test_unbalanced_quotes_and_brackets_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        split_values(text)


def test_floods_of_values_are_refused() -> None:
    assert len(split_values("a," * 255)) == 256
    for text in ("a," * 256, "<a>," * 256, "a," * 30_000):
        with pytest.raises(MalformedMessage, match="too many values"):
            split_values(text)
