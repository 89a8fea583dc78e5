from dataclasses import replace

import pytest
from peewee import Database

from channel_registry.errors import Conflict, InvalidCode, UnknownPlatform
from channel_registry.queries.uppers import (
    add_upper,
    code_maps,
    delete_upper,
    list_uppers,
    save_code_map,
    save_share,
    shares,
    update_upper,
    upper_secrets,
)
from channel_registry.upper_records import (
    CatalogForm,
    CodeMap,
    CodeRule,
    Share,
    UpperPlatform,
    UpperRight,
)
from tests.channel_registry.samples import BOX, T0, T1, code

UPPER = "14000000002000000001"
PLATFORM = UpperPlatform(
    id=UPPER,
    name="省平台",
    domain="1400000000",
    host="province.example",
    port=5061,
    transport="tcp",
    own_id=BOX,
    username="county",
    expires_s=3600,
    keepalive_interval_s=30.0,
    keepalive_count=4,
    edition="2016",
    charset="GB2312",
    catalog_form=CatalogForm.ORGANISATION,
    is_enabled=False,
    rights=frozenset({UpperRight.LIVE, UpperRight.PTZ}),
    created_at=T0,
    updated_at=T0,
)
SHARE = Share(
    everything=True,
    organisations=frozenset({"local-1", BOX}),
    categories=frozenset({"05", "0512"}),
    channels=frozenset({code(1), code(2)}),
    excluded=frozenset({code(3)}),
)
CODES = CodeMap(
    codes={code(1): code(9001), "local-1": "14000000002150000001"},
    rules=(CodeRule("140402", "140499"), CodeRule("1405", "1499")),
)


@pytest.fixture
def upper(database: Database) -> str:
    add_upper(database, PLATFORM, secret="token", at=T0)
    return UPPER


def test_a_platform_comes_back_as_it_was_described(database: Database, upper: str) -> None:
    (stored,) = list_uppers(database)
    assert stored == replace(PLATFORM, password_set=True)
    assert upper_secrets(database) == {UPPER: "token"}


def test_a_code_is_kept_once(database: Database, upper: str) -> None:
    with pytest.raises(Conflict) as refusal:
        add_upper(database, PLATFORM, secret=None, at=T0)
    assert refusal.value.kind == "platform"
    with pytest.raises(InvalidCode):
        add_upper(database, replace(PLATFORM, id="123"), secret=None, at=T0)


def test_a_change_keeps_the_password_unless_one_is_given(database: Database, upper: str) -> None:
    update_upper(database, replace(PLATFORM, name="市平台", is_enabled=True), at=T1)
    (stored,) = list_uppers(database)
    assert (stored.name, stored.is_enabled, stored.updated_at) == ("市平台", True, T1)
    assert (stored.created_at, stored.password_set) == (T0, True)
    update_upper(database, PLATFORM, secret="other", at=T1)
    assert upper_secrets(database) == {UPPER: "other"}
    update_upper(database, PLATFORM, secret="", at=T1)
    assert upper_secrets(database) == {}


def test_shares_and_codes_are_replaced_whole(database: Database, upper: str) -> None:
    assert shares(database) == {UPPER: Share()}
    assert code_maps(database) == {}
    save_share(database, UPPER, SHARE)
    save_code_map(database, UPPER, CODES)
    assert shares(database) == {UPPER: SHARE}
    assert code_maps(database) == {UPPER: CODES}
    save_share(database, UPPER, Share(categories=frozenset({"01"})))
    save_code_map(database, UPPER, CodeMap(codes={code(2): code(1)}))
    assert shares(database) == {UPPER: Share(categories=frozenset({"01"}))}
    assert code_maps(database) == {UPPER: CodeMap(codes={code(2): code(1)})}


def test_what_a_platform_had_goes_with_it(database: Database, upper: str) -> None:
    save_share(database, UPPER, SHARE)
    save_code_map(database, UPPER, CODES)
    delete_upper(database, UPPER)
    assert (list_uppers(database), shares(database), code_maps(database)) == ((), {}, {})
    add_upper(database, PLATFORM, secret=None, at=T0)
    assert shares(database) == {UPPER: Share()}
    assert code_maps(database) == {}


def test_strangers_are_unknown(database: Database) -> None:
    for change in (
        lambda: update_upper(database, PLATFORM, at=T0),
        lambda: delete_upper(database, UPPER),
        lambda: save_share(database, UPPER, SHARE),
        lambda: save_code_map(database, UPPER, CODES),
    ):
        with pytest.raises(UnknownPlatform):
            change()
