from dataclasses import dataclass, field

import pytest

from channel_registry.queries.devices import device_credential
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, OTHER_DEVICE, T0, HandClock
from vms.config_sections import MediaSection, SipSection
from vms.config_values import Transport
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.records import LiveState, LiveStatus, NodeKind, SubjectKind, TreeBy
from vms.secrets import Secrets
from vms.services.directory import DirectoryService, Surroundings
from vms.services.store import Store
from vms.storage.queries.attempts import record_attempt
from vms.storage.queries.spans import open_spans


@dataclass
class Around:
    """What the other services were asked."""

    forgotten: list[str] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    reloads: int = 0
    changes: int = 0
    live: dict[str, LiveStatus] = field(default_factory=dict)

    def change(self) -> None:
        self.changes += 1

    async def reload(self) -> None:
        self.reloads += 1

    async def refresh(self, device_id: str) -> None:
        if self.refreshed:
            raise NotReady(code="device_offline")
        self.refreshed.append(device_id)


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def directory(mine: Store, secrets: Secrets, clock: HandClock, around: Around) -> DirectoryService:
    surroundings = Surroundings(
        is_recording=lambda code: code == CHANNEL,
        live_status=lambda code: around.live.get(code, LiveStatus(code)),
        forget_device=around.forgotten.append,
        refresh_catalog=around.refresh,
        reload_credentials=around.reload,
        registry_changed=around.change,
        sip_port=lambda: 5060,
        http_port=lambda: 8080,
    )
    media = MediaSection(transports=(Transport.TCP_PASSIVE, Transport.UDP))
    return DirectoryService(
        mine,
        secrets,
        clock,
        surroundings,
        sip=SipSection(advertised_host="10.1.2.3"),
        media=media,
    )


async def test_added_device_gets_a_password_that_is_stored_encrypted(
    directory: DirectoryService, mine: Store, secrets: Secrets, around: Around
) -> None:
    device, password = await directory.add_device(OTHER_DEVICE, name="新矿")
    assert (device.id, device.name, device.password_set) == (OTHER_DEVICE, "新矿", True)
    assert len(password) == 16
    credential = await mine.run(device_credential, OTHER_DEVICE)
    assert credential is not None
    assert credential.secret is not None
    assert password not in credential.secret
    assert secrets.decrypt(credential.secret) == password
    assert around.reloads == 1


async def test_new_device_is_asked_for_media_in_the_configured_way_first(
    directory: DirectoryService,
) -> None:
    device, _ = await directory.add_device(OTHER_DEVICE)
    assert device.media_transport == "tcp-passive"


async def test_given_password_is_kept(directory: DirectoryService) -> None:
    _, password = await directory.add_device(OTHER_DEVICE, password="12345678")
    assert password == "12345678"


@pytest.mark.parametrize("device_id", ["", "123", "x" * 20, "../../../../etc/passwd", "1" * 21])
async def test_device_id_must_be_a_code(device_id: str, directory: DirectoryService) -> None:
    with pytest.raises(Invalid) as refusal:
        await directory.add_device(device_id)
    assert refusal.value.field == "id"


async def test_second_device_of_an_id_is_refused(directory: DirectoryService) -> None:
    with pytest.raises(Conflict) as refusal:
        await directory.add_device(DEVICE)
    assert refusal.value.code == "device_exists"


@pytest.mark.parametrize("password", ["a\nb", "x" * 65, "a\x00b"])
async def test_password_that_no_camera_takes_is_refused(
    password: str, directory: DirectoryService
) -> None:
    with pytest.raises(Invalid) as refusal:
        await directory.add_device(OTHER_DEVICE, password=password)
    assert refusal.value.field == "password"


async def test_removed_device_is_forgotten_everywhere(
    directory: DirectoryService, mine: Store, around: Around
) -> None:
    await directory.delete_device(DEVICE)
    assert around.forgotten == [DEVICE]
    with pytest.raises(NotFound):
        await directory.device(DEVICE)
    with pytest.raises(NotFound):
        await directory.channel(CHANNEL)
    assert await mine.run(open_spans, SubjectKind.CHANNEL) == {}


async def test_what_people_change_is_told_to_those_who_share_it(
    directory: DirectoryService, around: Around
) -> None:
    await directory.rename_device(DEVICE, "新名")
    await directory.update_channel(CHANNEL, name="东门")
    await directory.delete_device(DEVICE)
    assert around.changes == 3


async def test_unknown_device_is_not_found(directory: DirectoryService) -> None:
    for call in (
        directory.device(OTHER_DEVICE),
        directory.rename_device(OTHER_DEVICE, "x"),
        directory.reset_password(OTHER_DEVICE),
        directory.delete_device(OTHER_DEVICE),
        directory.refresh_catalog(OTHER_DEVICE),
    ):
        with pytest.raises(NotFound) as refusal:
            await call
        assert refusal.value.code == "device_not_found"


async def test_catalog_of_an_offline_device_is_not_ready(
    directory: DirectoryService, around: Around
) -> None:
    await directory.refresh_catalog(DEVICE)
    with pytest.raises(NotReady, match="device_offline"):
        await directory.refresh_catalog(DEVICE)


async def test_channel_shows_its_three_marks_and_what_others_know(
    directory: DirectoryService, around: Around
) -> None:
    around.live[CHANNEL] = LiveStatus(CHANNEL, LiveState.LIVE)
    channel = await directory.channel(CHANNEL)
    assert (channel.registered, channel.says_on, channel.proven) == (True, True, False)
    assert (channel.online, channel.recording, channel.cause) == (True, True, "added")
    assert channel.state_since == T0
    assert channel.live is not None
    assert channel.category == "主井口"
    other = await directory.channel(OTHER_CHANNEL)
    assert (other.recording, other.live) == (False, None)


async def test_channels_are_filtered_and_paged(directory: DirectoryService) -> None:
    everything = await directory.channels(size=1)
    assert (everything.total, len(everything.items)) == (2, 1)
    assert (await directory.channels(q="副井")).items[0].code == OTHER_CHANNEL
    assert (await directory.channels(online=False)).total == 0
    assert (await directory.channels(category="02")).items[0].code == CHANNEL
    with pytest.raises(Invalid):
        await directory.channels(size=100_000)


async def test_given_name_and_category_stay_and_can_be_taken_back(
    directory: DirectoryService,
) -> None:
    changed = await directory.update_channel(CHANNEL, name="东门", category_code="0512")
    assert (changed.name, changed.category_code) == ("东门", "0512")
    back = await directory.update_channel(CHANNEL, name="", category_code="")
    assert (back.name, back.category_code) == ("主井口", "02")
    with pytest.raises(Invalid):
        await directory.update_channel(CHANNEL, category_code="9999")
    with pytest.raises(NotFound):
        await directory.update_channel("1" * 20, name="x")


async def test_trees_lead_from_roots_to_channels(directory: DirectoryService) -> None:
    roots = await directory.tree(TreeBy.ORGANISATION)
    device = next(node for node in roots if node.kind is NodeKind.DEVICE)
    assert (device.count, device.online_count) == (2, 2)
    leaves = await directory.tree(TreeBy.ORGANISATION, device.id)
    assert {leaf.channel.code for leaf in leaves if leaf.channel} == {CHANNEL, OTHER_CHANNEL}
    categories = await directory.tree(TreeBy.CATEGORY)
    assert len(categories) >= 36


async def test_access_page_says_what_to_type_into_a_camera(directory: DirectoryService) -> None:
    values = directory.access_values()
    assert (values.server_id, values.domain, values.realm) == (
        "14040000002000000001",
        "1404000000",
        "1404000000",
    )
    assert (values.addresses, values.port) == (("10.1.2.3",), 5060)


async def test_access_page_shows_who_tried_and_whether_we_know_them(
    directory: DirectoryService, mine: Store
) -> None:
    for device_id in (DEVICE, OTHER_DEVICE):
        await mine.run(
            record_attempt,
            device_id=device_id,
            address="10.0.0.9",
            transport="udp",
            outcome="refused_unknown",
            at=T0,
        )
    attempts = await directory.registration_attempts()
    assert {each.device_id: each.known for each in attempts} == {
        DEVICE: True,
        OTHER_DEVICE: False,
    }
