"""A relay node alone (`vms run --role relay`): media in, controlled over HTTP; no database."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from stream_relay.remote.server import NodeConfig, RelayServer
from vms.app.planes import build_relay
from vms.app.ports import explained_port
from vms.clock import SystemClock
from vms.config import Config, example_line
from vms.errors import ConfigError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """What people are told when the node serves."""

    host: str
    port: int


async def run_relay_node(
    config: Config, stop: asyncio.Event, announce: Callable[[NodeStarted], None]
) -> None:
    """Serve controllers until `stop` is set; `announce` is called when it listens.

    Raises ConfigError when the secret is missing or a port is taken.
    """
    settings, clock = check_relay_node(config), SystemClock()
    relay = build_relay(config, clock)
    async with AsyncExitStack() as running:
        with explained_port("media.shared_port", config.media.shared_port, step=2):
            await running.enter_async_context(relay)
        server = RelayServer(relay, settings, clock.wall)
        with explained_port("relay.port", settings.port):
            await running.enter_async_context(server)
        announce(NodeStarted(settings.host, server.port))
        await stop.wait()
        logger.info("stopping")


def check_relay_node(config: Config) -> NodeConfig:
    """The node's settings; raises ConfigError for what a node cannot be without."""
    section = config.relay
    secret = section.secret.get_secret_value()
    example = example_line(("relay", "secret"), "<openssl rand -hex 32>")
    if not secret:
        raise ConfigError("relay.secret", "a relay node needs one", example)
    if section.nodes:
        reason = "a relay node receives by itself: these belong into the platform's configuration"
        raise ConfigError("relay.nodes", reason, example_line(("relay", "nodes"), ()))
    return NodeConfig(secret, section.host, section.port, section.controller_silence_s)
