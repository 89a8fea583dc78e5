"""Explains every problem of the configuration with an example, then looks at the machine: ports,
data folder, database. Exit code 0: `vms run` can start; 78: something has to be changed.
"""

import asyncio
import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from channel_registry.database import close_database
from channel_registry.errors import DatabaseUnavailable
from stream_relay.remote.connection import Node
from stream_relay.remote.link import probe
from vms.app.relay_node import check_relay_node
from vms.cli import print_config_error
from vms.cli.options import add_config_options, add_role_option, load_config, overrides
from vms.clock import SystemClock
from vms.config import Config, find_problems, unknown_variables
from vms.config_docs import build_example
from vms.errors import ConfigError
from vms.secrets import Secrets
from vms.storage.worker import open_storage


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_config_options(parser)
    add_role_option(parser)
    parser.add_argument(
        "--example", action="store_true", help="输出带注释的 vms.toml 样例 · print an example file"
    )


def run(arguments: Namespace) -> int:
    """Print what is wrong, or what is used."""
    if arguments.example:
        print(build_example(), end="")
        return 0
    problems = find_problems(arguments.config, overrides(arguments))
    for name in unknown_variables():
        print(f"提示 · note: 未知变量，已忽略 · unknown variable, ignored: {name}")
    if not problems:
        config = load_config(arguments)
        is_node = arguments.role == "relay"
        look = _problems_of_node if is_node else _problems_of_machine
        problems = list(look(config))
    for problem in problems:
        print_config_error(problem)
    if problems:
        print(f"发现 {len(problems)} 个问题 · problems found", file=sys.stderr)
        return 78
    print(_summary_of_node(config) if is_node else _summary(config))
    return 0


def _problems_of_node(config: Config) -> Iterator[ConfigError]:
    try:
        node = check_relay_node(config)
    except ConfigError as error:
        yield error
        return
    yield from _problems_of_ports(("relay", node.host, node.port, socket.SOCK_STREAM))


def _problems_of_ports(*ports: tuple[str, str, int, socket.SocketKind]) -> Iterator[ConfigError]:
    for section, host, port, kind in ports:
        reason = _why_not(host, port, kind)
        if reason:
            example = f"[{section}] port = {port + 1}"
            yield ConfigError(f"{section}.port", f"port {port}: {reason}", example)


def _problems_of_machine(config: Config) -> Iterator[ConfigError]:
    yield from _problems_of_ports(
        ("sip", config.sip.host, config.sip.port, socket.SOCK_DGRAM),
        ("sip", config.sip.host, config.sip.port, socket.SOCK_STREAM),
        ("http", config.http.host, config.http.port, socket.SOCK_STREAM),
    )
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        Secrets(config.data)
        close_database(open_storage(config.database))
    except OSError as error:
        yield ConfigError("data", str(error), 'data = "/var/lib/vms"')
    except DatabaseUnavailable as error:
        yield ConfigError("database_url", str(error), 'database_url = ""')
    except ConfigError as error:
        yield error


def _why_not(host: str, port: int, kind: socket.SocketKind) -> str:
    """Why a port cannot be taken; empty when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _summary(config: Config) -> str:
    sip, media = config.sip, config.media
    return "\n".join(
        [
            "配置可用 · the configuration is usable",
            f"  SIP    {sip.host}:{sip.port} (UDP, TCP)  {sip.server_id} @ {sip.domain}",
            f"  HTTP   {config.http.host}:{config.http.port}",
            f"  媒体 · media  {media.ports}  {', '.join(media.transports)}",
            f"  数据 · data   {config.data.resolve()}",
            *_nodes(config),
        ]
    )


def _nodes(config: Config) -> Iterator[str]:
    """How each relay node answers; the platform starts without it, and finds it when it is up."""
    for section in config.relay.nodes:
        node = Node(section.url, section.secret.get_secret_value())
        fault = asyncio.run(probe(node, SystemClock().wall))
        yield f"  转发节点 · relay node  {fault or node.url + '  可用 · answers'}"


def _summary_of_node(config: Config) -> str:
    relay, media = config.relay, config.media
    return "\n".join(
        [
            "配置可用 · the configuration is usable",
            f"  控制 · control {relay.host}:{relay.port}",
            f"  媒体 · media   {media.host} {media.shared_port or media.ports}",
        ]
    )
