from sip.gb28181.quirks import BadRow
from tests.web.conftest import Client
from tests.web.fakes import FakeServices

ROW = {"maker": "acme", "quirk": "playback_limit", "value": "1", "evidence": "our capture"}


async def test_the_table_says_which_rows_are_built_in(viewer: Client) -> None:
    items = (await (await viewer.get("/api/v1/quirks")).json())["items"]
    assert [(item["quirk"], item["builtin"]) for item in items] == [("playback_limit", True)]


async def test_an_administrator_exchanges_the_own_rows_and_built_in_ones_stay(
    admin: Client, services: FakeServices
) -> None:
    shown = (await (await admin.get("/api/v1/quirks")).json())["items"]
    answer = await admin.put("/api/v1/quirks", json={"rows": [*shown, ROW]})
    assert answer.status == 200
    assert [item["maker"] for item in (await answer.json())["items"]] == ["maker", "acme"]
    assert [row.maker for row in services.quirks.own] == ["acme"]


async def test_a_row_that_cannot_be_is_named(admin: Client) -> None:
    answer = await admin.put("/api/v1/quirks", json={"rows": [{**ROW, "quirk": "no_such"}]})
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (400, "invalid")
    assert "差异" in str(problem["errors"])


async def test_only_administrators_change_it(operator: Client) -> None:
    assert (await operator.put("/api/v1/quirks", json={"rows": []})).status == 403


async def test_lines_of_the_file_that_cannot_be_are_shown(
    viewer: Client, services: FakeServices
) -> None:
    services.quirks.bad = (BadRow(3, "evidence is empty"),)
    answer = await (await viewer.get("/api/v1/quirks")).json()
    assert answer["bad"] == [{"line": 3, "reason": "evidence is empty"}]
