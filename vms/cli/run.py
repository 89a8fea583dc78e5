"""Starts signalling, media, recording, analysis and the web viewer in one process.

The first start makes the user `admin` and prints its password once (or takes VMS_ADMIN_PASSWORD).
Ctrl-C or SIGTERM ends all streams, closes all files and exits with 0. With `--role relay` it
receives media for a platform elsewhere and nothing else (docs/relay-nodes.md).
"""

import asyncio
import logging
import signal
from argparse import ArgumentParser, Namespace

from vms.app import Started, run_app
from vms.app.relay_node import NodeStarted, run_relay_node
from vms.cli.options import add_config_options, add_role_option, load_config
from vms.config import Config, unknown_variables
from vms.errors import ConfigError
from vms.logs import set_up_logs
from vms.services.addresses import own_addresses
from vms.services.users import FIRST_USER

logger = logging.getLogger(__name__)
WIDTH = 68


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_config_options(parser)
    add_role_option(parser)


def run(arguments: Namespace) -> int:
    """Run until a signal ends it."""
    config = load_config(arguments)
    set_up_logs(config.log, config.zone)
    for name in unknown_variables():
        logger.warning("unknown variable ignored", extra={"variable": name})
    try:
        asyncio.run(_serve_relay(config) if arguments.role == "relay" else _serve(config))
    except* ConfigError as group:
        raise _first(group) from None
    return 0


async def _serve(config: Config) -> None:
    await run_app(
        config, _until_signal(), lambda started: print(banner(config, started), flush=True)
    )


async def _serve_relay(config: Config) -> None:
    await run_relay_node(
        config, _until_signal(), lambda started: print(relay_banner(config, started), flush=True)
    )


def _until_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def relay_banner(config: Config, started: NodeStarted) -> str:
    """What the administrator of the platform needs to know of a node: where it is."""
    hosts = own_addresses() if started.host in ("0.0.0.0", "::", "") else (started.host,)
    rule = "=" * WIDTH
    lines = [rule, "  烽燧转发节点已启动 · Fengsui VMS relay node is running", ""]
    for address in dict.fromkeys(hosts):
        lines.append(f'  填入平台 · for relay.nodes   url = "http://{address}:{started.port}"')
    lines.append("                               secret = relay.secret")
    lines.append(f"  媒体端口 · media             {config.media.shared_port or config.media.ports}")
    lines.append("  按 Ctrl-C 停止 · press Ctrl-C to stop")
    lines.append(rule)
    return "\n".join(lines)


def banner(config: Config, started: Started) -> str:
    """What people need to know now: addresses, user, password of the first start."""
    host = started.http_host
    hosts = ("127.0.0.1", *own_addresses()) if host in ("0.0.0.0", "::", "") else (host,)
    rule = "=" * WIDTH
    lines = [rule, "  烽燧视频管理平台已启动 · Fengsui VMS is running", ""]
    for address in dict.fromkeys(hosts):
        lines.append(f"  网址 · address      http://{address}:{started.http_port}/")
    lines.append(f"  用户 · user         {FIRST_USER}")
    if started.admin_password:
        lines.append(f"  密码 · password     {started.admin_password}")
        lines.append("                      （只显示这一次，请登录后修改 · shown only this once）")
    lines.append("")
    lines.append(f"  摄像机接入 · SIP    {config.sip.server_id} @ {config.sip.domain}")
    lines.append(f"                      端口 · port {started.sip_port} (UDP, TCP)")
    lines.append(f"  数据目录 · data     {config.data.resolve()}")
    lines.append("  按 Ctrl-C 停止 · press Ctrl-C to stop")
    lines.append(rule)
    return "\n".join(lines)


def _first(group: BaseExceptionGroup[ConfigError]) -> ConfigError:
    """The one error that stopped the start, out of its groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ConfigError), "the group holds nothing else"
    return error
