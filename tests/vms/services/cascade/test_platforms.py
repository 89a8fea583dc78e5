import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channel_registry.queries.channels import update_channel
from channel_registry.queries.organisations import add_organisation
from channel_registry.queries.uppers import upper_secrets
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, HandClock, camera, eventually
from tests.vms.services.cascade.samples import OWN, UPPER, upper
from vms.bus import Bus
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.events import PlatformsChanged, RegistryChanged, SharesChanged
from vms.records import CatalogForm, CodeRule, CodeSource, Severity, Share
from vms.records.platforms import Scorecard
from vms.secrets import Secrets
from vms.services.cascade.platforms import PlatformService
from vms.services.presence import catalog_came
from vms.services.store import Store

EVERYTHING = Share(everything=True)
THEIRS = "14990000001320000001"


class Names:
    """A name service that the test plays."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    async def resolve(self, host: str) -> str | None:
        return self.known.get(host)


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def platforms(
    mine: Store, secrets: Secrets, bus: Bus, clock: HandClock, names: Names
) -> PlatformService:
    return PlatformService(mine, secrets, bus, clock, server_id=OWN, resolver=names.resolve)


@pytest.fixture
async def shared(platforms: PlatformService) -> PlatformService:
    """A province that sees everything."""
    await platforms.add(upper(), "geheim")
    await platforms.set_share(UPPER, EVERYTHING)
    return platforms


@pytest.fixture
async def running(shared: PlatformService) -> AsyncIterator[PlatformService]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(shared.run())
        await asyncio.sleep(0)
        yield shared
        task.cancel()


async def test_a_platform_is_kept_with_its_password_encrypted(
    shared: PlatformService, mine: Store, secrets: Secrets, bus: Bus, clock: HandClock
) -> None:
    tokens = await mine.run(upper_secrets)
    assert "geheim" not in tokens[UPPER]
    assert secrets.decrypt(tokens[UPPER]) == "geheim"
    assert "geheim" not in repr(await shared.view(UPPER))
    again = PlatformService(mine, secrets, bus, clock, server_id=OWN)
    await again.begin()
    assert again.platform(UPPER) == shared.platform(UPPER)
    assert again.platform(UPPER).created_at == T0
    assert again.tree(UPPER).items == shared.tree(UPPER).items
    assert [each.password for each in await again.uplinks()] == ["geheim"]


async def test_an_uplink_is_what_signalling_needs(shared: PlatformService) -> None:
    (uplink,) = await shared.uplinks()
    assert (uplink.platform_id, uplink.own_id, uplink.host) == (UPPER, OWN, "10.14.0.1")
    assert (uplink.domain, uplink.password) == (UPPER[:10], "geheim")
    await shared.change(UPPER, {"is_enabled": False})
    assert await shared.uplinks() == ()


async def test_names_are_resolved_and_an_unknown_one_is_shown_as_unreachable(
    platforms: PlatformService, names: Names
) -> None:
    view = await platforms.add(upper(host="province.example"))
    assert (view.scorecard.state, view.scorecard.failure) == ("waiting", "unreachable")
    assert await platforms.uplinks() == ()
    names.known["province.example"] = "10.14.0.9"
    assert [each.host for each in await platforms.uplinks()] == ["10.14.0.9"]
    names.known.clear()
    assert [each.host for each in await platforms.uplinks()] == ["10.14.0.9"]
    assert (await platforms.view(UPPER)).scorecard.state == "unknown"


@pytest.mark.parametrize(
    "described",
    [{"id": OWN}, {"id": OWN, "own_id": THEIRS}, {"own_id": UPPER}],
    ids=["our server id", "our server id under another name", "its own id"],
)
async def test_nobody_is_above_itself(
    platforms: PlatformService, described: dict[str, Any]
) -> None:
    with pytest.raises(Conflict) as refusal:
        await platforms.add(upper(**described))
    assert refusal.value.code == "platform_loop"
    assert await platforms.platforms() == ()


async def test_a_code_that_we_use_elsewhere_is_a_loop_too(shared: PlatformService) -> None:
    second = "14000000002000000002"
    with pytest.raises(Conflict):
        await shared.add(upper(id=second, own_id=UPPER))
    await shared.add(upper(id=second, own_id="14040200002000000009"))
    with pytest.raises(Conflict):
        await shared.change(UPPER, {"own_id": second})
    with pytest.raises(Conflict) as refusal:
        await shared.add(upper())
    assert refusal.value.code == "platform_exists"


async def test_a_removed_platform_leaves_nothing(shared: PlatformService, mine: Store) -> None:
    await shared.change_codes(UPPER, None, {CHANNEL: THEIRS})
    await shared.delete(UPPER)
    assert await shared.platforms() == ()
    assert shared.tree(UPPER).items == ()
    assert await mine.run(upper_secrets) == {}
    for call in (shared.delete(UPPER), shared.view(UPPER), shared.check(UPPER)):
        with pytest.raises(NotFound) as refusal:
            await call
        assert refusal.value.code == "platform_not_found"
    await shared.add(upper())
    assert shared.tree(UPPER).channels == {}


async def test_an_empty_password_takes_it_away(shared: PlatformService) -> None:
    kept = await shared.change(UPPER, {"name": "别名"})
    assert (kept.platform.name, kept.platform.password_set) == ("别名", True)
    gone = await shared.change(UPPER, {}, password="")
    assert gone.platform.password_set is False
    assert (await shared.uplinks())[0].password == ""


async def test_what_is_shared_is_counted_and_told(platforms: PlatformService, bus: Bus) -> None:
    with bus.subscribe(PlatformsChanged, SharesChanged) as events:
        view = await platforms.add(upper())
        assert (view.channels, view.warnings) == (0, 1)
        await platforms.set_share(UPPER, EVERYTHING)
        view = await platforms.view(UPPER)
        assert (view.channels, view.channels_online) == (2, 2)
        told = [await events.next() for _ in range(len(events))]
    kinds = [type(each).__name__ for each in told]
    assert kinds == ["SharesChanged", "PlatformsChanged", "SharesChanged"]


async def test_a_tree_follows_the_registry(
    running: PlatformService, mine: Store, bus: Bus, clock: HandClock
) -> None:
    with bus.subscribe(SharesChanged) as events:
        await mine.run(update_channel, CHANNEL, name="新名")
        bus.publish(RegistryChanged(at=clock.wall()))
        event = await asyncio.wait_for(events.next(), 60)
        assert isinstance(event, SharesChanged)
        assert event.platform_ids == (UPPER,)
    (item,) = [each for each in running.tree(UPPER).items if each.device_id == CHANNEL]
    assert item.name == "新名"
    await mine.run(catalog_came, DEVICE, [camera(OTHER_CHANNEL)], T0, complete=True)
    bus.publish(RegistryChanged(at=clock.wall()))
    assert await eventually(lambda: running.tree(UPPER).channel(CHANNEL) is None)


async def test_our_own_organisations_get_codes_that_stay(
    shared: PlatformService, mine: Store
) -> None:
    made = await mine.run(add_organisation, "mine", name="一号矿")
    await mine.run(update_channel, CHANNEL, organisation_id=made.id)
    await shared.change(UPPER, {"catalog_form": CatalogForm.ORGANISATION})
    code = shared.tree(UPPER).code(made.id)
    assert code == f"{OWN[:10]}2150900001"
    await shared.refresh()
    assert shared.tree(UPPER).code(made.id) == code
    (item,) = [each for each in shared.tree(UPPER).items if each.device_id == CHANNEL]
    assert item.business_group_id == code


async def test_codes_are_given_ruled_listed_and_taken_back(shared: PlatformService) -> None:
    await shared.change_codes(UPPER, (CodeRule("1404", "1499"),), {CHANNEL: THEIRS})
    lines = {line.ours: line for line in (await shared.codes(UPPER)).items}
    assert (lines[CHANNEL].theirs, lines[CHANNEL].source) == (THEIRS, CodeSource.GIVEN)
    other = f"1499{OTHER_CHANNEL[4:]}"
    assert (lines[OTHER_CHANNEL].theirs, lines[OTHER_CHANNEL].source) == (other, CodeSource.RULE)
    assert (lines[DEVICE].theirs, lines[DEVICE].source) == (f"1499{DEVICE[4:]}", CodeSource.RULE)
    given = await shared.codes(UPPER, source=CodeSource.GIVEN)
    assert [line.ours for line in given.items] == [CHANNEL]
    assert [line.ours for line in (await shared.codes(UPPER, q="副井")).items] == [OTHER_CHANNEL]
    assert (await shared.codes(UPPER, page=2, size=2)).total == 3
    channel = shared.tree(UPPER).channel(THEIRS)
    assert channel is not None and channel.code == CHANNEL
    await shared.change_codes(UPPER, (), {CHANNEL: None})
    assert (await shared.codes(UPPER, source=CodeSource.OWN)).total == 3


@pytest.mark.parametrize(
    ("rules", "given", "field", "reason"),
    [
        ((CodeRule("1404", "149"),), {}, "rules.0", "bad_rule"),
        ((CodeRule("", ""),), {}, "rules.0", "bad_rule"),
        ((CodeRule("14x4", "1499"),), {}, "rules.0", "bad_rule"),
        ((CodeRule("1404", "1499"), CodeRule("1404", "1498")), {}, "rules.1", "twice"),
        (None, {"nobody": THEIRS}, "codes.nobody", "unknown_thing"),
        (None, {CHANNEL: "123"}, f"codes.{CHANNEL}", "bad_code"),
        (None, {CHANNEL: OWN}, f"codes.{CHANNEL}", "same_as_own"),
        (None, {CHANNEL: UPPER}, f"codes.{CHANNEL}", "same_as_own"),
        (
            None,
            {CHANNEL: THEIRS, OTHER_CHANNEL: THEIRS},
            f"codes.{OTHER_CHANNEL}",
            "same_code",
        ),
    ],
)
async def test_codes_that_cannot_be_are_refused_by_name(
    shared: PlatformService,
    rules: tuple[CodeRule, ...] | None,
    given: dict[str, str | None],
    field: str,
    reason: str,
) -> None:
    with pytest.raises(Invalid) as refusal:
        await shared.change_codes(UPPER, rules, given)
    assert (refusal.value.field, refusal.value.reason) == (field, reason)
    assert not shared.code_map(UPPER).codes


async def test_a_table_is_taken_whole_or_not_at_all(shared: PlatformService) -> None:
    table = await shared.export_codes(UPPER)
    good = table.replace(f"\t{CHANNEL},\t{CHANNEL}", f"{CHANNEL},{THEIRS}")
    done = await shared.import_codes(UPPER, good.encode())
    assert (done.lines, done.bad) == (3, ())
    assert shared.code_map(UPPER).codes == {CHANNEL: THEIRS}
    bad = await shared.import_codes(UPPER, b"ours,theirs\nnobody,1\n")
    assert [(each.line, each.reason) for each in bad.bad] == [(2, "unknown")]
    assert shared.code_map(UPPER).codes == {CHANNEL: THEIRS}


async def test_preview_and_findings_follow_the_tree(shared: PlatformService) -> None:
    assert shared.tree(UPPER).items[0].name == "Fengsui VMS"
    found = await shared.preview(UPPER, q="主井")
    assert [node.code for node in found.page.items] == [CHANNEL]
    assert (found.items, found.channels) == (7, 2)
    before = await shared.check(UPPER, severity=Severity.ERROR)
    assert (before.errors, before.page.total) == (0, 0)
    await shared.change_codes(UPPER, None, {CHANNEL: OTHER_CHANNEL})
    after = await shared.check(UPPER, severity=Severity.ERROR)
    assert [each.rule for each in after.page.items] == ["left_out_same_code"]
    assert (await shared.view(UPPER)).errors == 1
    nothing = await shared.check(UPPER, rule="loop")
    assert nothing.page.total == 0


async def test_registering_now_needs_an_enabled_platform_and_a_cascade(
    shared: PlatformService,
) -> None:
    with pytest.raises(NotReady) as refusal:
        await shared.register_now(UPPER)
    assert refusal.value.code == "cascade_off"

    class Desk:
        asked: list[str] = []

        def scorecard(self, platform_id: str) -> Scorecard:
            return Scorecard(state="registered", invites=len(self.asked))

        async def register_now(self, platform_id: str) -> None:
            self.asked.append(platform_id)

    shared.scorecards = Desk()
    view = await shared.register_now(UPPER)
    assert (view.scorecard.state, view.scorecard.invites) == ("registered", 1)
    await shared.change(UPPER, {"is_enabled": False})
    with pytest.raises(Conflict) as conflict:
        await shared.register_now(UPPER)
    assert conflict.value.code == "platform_disabled"
