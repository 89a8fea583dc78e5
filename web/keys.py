"""Typed keys of what the application and a request carry."""

from typing import Any

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractRoute

from vms.config_sections import HttpSection
from vms.records import Identity
from vms.services import Services
from web.limits import Limits, Seats
from web.route import Route

services_key = web.AppKey("services", Services)
settings_key = web.AppKey("settings", HttpSection)
routes_key = web.AppKey("routes", dict[AbstractRoute, Route])
"""The declaration behind each entry of the router; what is missing here is a page or a file."""
limits_key = web.AppKey("limits", Limits)
viewers_key = web.AppKey("viewers", Seats)
listeners_key = web.AppKey("listeners", Seats)
microphones_key = web.AppKey("microphones", Seats)
document_key = web.AppKey("document", dict[str, Any])
"""The OpenAPI document."""

identity_key = web.RequestKey("identity", Identity)
started_key = web.RequestKey("started", bool)
"""Set when the head of the answer has left: from then on no problem can be answered."""
