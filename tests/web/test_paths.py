"""No address leads out of what the services hand out (threat 28)."""

import pytest
from yarl import URL

from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL
from web import pages

ESCAPES = [
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5csecret.key",
    "%2fetc%2fpasswd",
    "recordings_backup%2fx",
    f"{CHANNEL}%00",
    "%00",
    f"{CHANNEL}%0d%0aX-Injected: 1",
    "~root",
    "file:%2f%2f%2fetc%2fpasswd",
]
PLACES = [
    "/api/v1/channels/{}",
    "/api/v1/channels/{}/recordings",
    "/api/v1/devices/{}",
    "/api/v1/recordings/{}/file",
    "/api/v1/alarms/{}/snapshot",
    "/live/{}.flv",
    "/live/{}.mp4",
    "/live/{}.ws",
    "/static/{}",
    "/static/dist/{}",
    "/{}",
]


@pytest.mark.parametrize("place", PLACES)
async def test_an_address_that_climbs_out_is_refused(admin: Client, place: str) -> None:
    for escape in ESCAPES:
        address = URL(place.format(escape).replace(" ", "%20"), encoded=True)
        answer = await admin.get(address)
        assert answer.status in {400, 403, 404}, address
        assert "X-Injected" not in answer.headers
        assert b"root:" not in await answer.read()


async def test_a_filter_is_a_value_and_never_a_path(admin: Client, services: FakeServices) -> None:
    answer = await admin.get("/api/v1/channels", params={"q": "'; DROP TABLE channel; --"})
    assert answer.status == 200
    assert services.directory.asked["q"] == "'; DROP TABLE channel; --"


async def test_files_are_served_only_where_the_service_says(
    viewer: Client, services: FakeServices
) -> None:
    """The service proves the path; the web adds nothing of the request to it."""
    services.recording.data.joinpath("secret.key").write_text("key")
    for number in ("secret.key", "..", "1%2f..%2fsecret.key"):
        assert (await viewer.get(f"/api/v1/recordings/{number}/file")).status in {400, 404}


async def test_folders_are_not_listed(viewer: Client) -> None:
    for path in ("/static/", "/static", "/static/dist/"):
        assert (await viewer.get(path)).status in {403, 404}


def test_pages_is_the_front_ends_hook() -> None:
    assert callable(pages.setup)
