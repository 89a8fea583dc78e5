"""Which upper platforms signalling is told of, and what is shown of them."""

import pytest

from sip.roles.upward.terms import UplinkChanged, UplinkRefused, UplinkState, UplinkStatus
from tests.vms.bench import T0, eventually
from tests.vms.services.cascade.stage import OTHER_UPPER, OWN, UPPER, Stage, platform
from vms.errors import NotReady
from vms.events import PlatformsChanged


def change(stage: Stage, *platform_ids: str) -> None:
    stage.bus.publish(PlatformsChanged(at=T0, platform_ids=platform_ids))


async def test_platforms_come_and_go_while_it_runs(stage: Stage) -> None:
    stage.platforms.known[OTHER_UPPER] = platform(OTHER_UPPER)
    change(stage, OTHER_UPPER)
    await eventually(lambda: set(stage.uplinks.set_now) == {UPPER, OTHER_UPPER})
    stage.platforms.known[UPPER] = platform(is_enabled=False)
    change(stage, UPPER)
    await eventually(lambda: set(stage.uplinks.set_now) == {OTHER_UPPER})
    assert stage.uplinks.removed == [UPPER]


async def test_one_that_signalling_refuses_stops_no_other(stage: Stage) -> None:
    stage.uplinks.refusal = UplinkRefused("it would be ourselves")
    stage.platforms.known[OTHER_UPPER] = platform(OTHER_UPPER)
    change(stage, OTHER_UPPER)
    stage.query("DeviceInfo", OWN)
    assert (await stage.answer()).command == "DeviceInfo"


async def test_since_when_we_are_registered_is_shown(stage: Stage) -> None:
    for state in (UplinkState.REGISTERING, UplinkState.REGISTERED):
        stage.uplinks.say(UplinkChanged(UplinkStatus(UPPER, state, T0)))
    await eventually(lambda: stage.service.scorecard(UPPER).registered_since)
    card = stage.service.scorecard(UPPER)
    assert (card.state, card.registered_since) == ("registered", T0)
    stage.uplinks.say(UplinkChanged(UplinkStatus(UPPER, UplinkState.WAITING, T0, "no_answer")))
    await eventually(lambda: stage.service.scorecard(UPPER).registered_since is None)


async def test_figures_are_there_for_machines(stage: Stage) -> None:
    stage.query("DeviceInfo", OWN)
    await stage.answer()
    stage.invite(channel="1")
    await stage.until_refused()
    names = {(each.name, each.labels.get("kind", "")) for each in stage.service.samples()}
    assert {("upper_registered", ""), ("upper_messages_total", "Query.DeviceInfo")} <= names
    assert {each.labels["platform"] for each in stage.service.samples()} == {UPPER}


async def test_registering_now_needs_a_running_service(stage: Stage) -> None:
    await stage.service.register_now(UPPER)
    assert stage.uplinks.tried == [UPPER]
    stage.end()
    await eventually(lambda: not stage.service._is_running)
    with pytest.raises(NotReady) as refused:
        await stage.service.register_now(UPPER)
    assert refused.value.code == "cascade_off"


async def test_an_unknown_platform_has_no_figures(stage: Stage) -> None:
    card = stage.service.scorecard(OTHER_UPPER)
    assert (card.state, card.invites, card.catalog) == ("unknown", 0, None)
