"""Signalling and media of a configuration, built without being opened."""

from dataclasses import dataclass

from sip.server import Algorithm, SipConfig, SipServer
from stream_relay.control import RelayControl
from stream_relay.reader import QueueLimit
from stream_relay.relay import Relay, RelayConfig
from stream_relay.remote.connection import Node
from stream_relay.remote.fleet import RelayFleet
from stream_relay.stream import StreamLimits
from vms.clock import Clock
from vms.config import Config
from vms.ids import random_bytes
from vms.services.addresses import own_addresses
from vms.services.credentials import CredentialCache
from vms.services.quirks import QuirkService

CONNECT_MARGIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Planes:
    """What moves signalling and media; opened and closed by the application."""

    sip: SipServer
    relay: Relay
    """The engine of this process: it writes to viewers, and receives unless nodes do."""
    fleet: RelayFleet | None = None
    """The nodes that receive, where some are configured."""

    @property
    def media(self) -> RelayControl:
        """Who receives pictures."""
        return self.fleet or self.relay


def build_sip(
    config: Config, credentials: CredentialCache, quirks: QuirkService, clock: Clock
) -> SipServer:
    """The signalling plane for a configuration."""
    sip, media = config.sip, config.media
    settings = SipConfig(
        server_id=sip.server_id,
        domain=sip.domain,
        host=sip.host,
        port=sip.port,
        advertised_host=sip.advertised_host or first_address(sip.host),
        realm=sip.realm,
        keepalive_interval_s=sip.keepalive_interval_s,
        keepalive_count=sip.keepalive_count,
        min_expires_s=sip.min_expires_s,
        max_expires_s=sip.max_expires_s,
        edition=sip.edition,
        digest_algorithms=tuple(Algorithm(name) for name in sip.digest_algorithms),
        offers_qop=sip.offer_qop,
        registrations_per_s=sip.registrations_per_s,
        stranger_messages_per_s=sip.stranger_messages_per_s,
        device_messages_per_s=sip.device_messages_per_s,
        revives_by_keepalive=sip.revive_by_keepalive,
        clock_tolerance_s=sip.clock_tolerance_s,
        send_date=sip.send_date,
        charset=sip.charset,
        time_zone=config.time_zone,
        invite_timeout_s=media.invite_timeout_s,
        query_timeout_s=sip.query_timeout_s,
        catalog_timeout_s=sip.catalog_timeout_s,
        trace_messages=sip.trace_messages,
        trace_bytes=sip.trace_bytes,
    )
    return SipServer(settings, credentials.lookup, clock.wall, random_bytes, quirks.find)


def build_relay(config: Config, clock: Clock) -> Relay:
    """The media plane for a configuration.

    The relay counts from the opening of a port, hence adds the time of the INVITE.
    """
    media = config.media
    ports = media.port_range
    limits = StreamLimits(
        gop_cache_bytes=media.gop_cache_bytes,
        queue=QueueLimit(chunks=media.viewer_queue, bytes=media.gop_cache_bytes),
    )
    settings = RelayConfig(
        host=media.host,
        advertised_host=media.advertised_host,
        ports=range(ports.first, ports.last + 1),
        shared_port=media.shared_port,
        reorder_wait_s=media.reorder_wait_s,
        first_packet_timeout_s=(
            media.invite_timeout_s + media.first_packet_timeout_s + CONNECT_MARGIN_S
        ),
        stall_timeout_s=media.stall_timeout_s,
        limits=limits,
    )
    return Relay(settings, clock.wall)


def build_fleet(config: Config, relay: Relay, clock: Clock) -> RelayFleet | None:
    """The relay nodes of a configuration; None where this process receives by itself."""
    nodes = [Node(node.url, node.secret.get_secret_value()) for node in config.relay.nodes]
    return RelayFleet(nodes, relay, clock.wall) if nodes else None


def first_address(host: str) -> str:
    """The address to name in Via and Contact when none is configured."""
    return own_addresses()[0] if host in ("", "0.0.0.0", "::") else host
