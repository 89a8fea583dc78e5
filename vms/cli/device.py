"""Works with or without a running platform; a running one notices within seconds.

A device has to be added before it can register: `vms device add 14040000001180000001` prints the
password to type into it.
"""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from channel_registry.queries import devices as queries
from channel_registry.records import DeviceRecord, MediaTransport
from vms.cli.options import add_config_options, load_config
from vms.cli.workbench import Workbench, open_workbench
from vms.config import Config
from vms.services.directory import check_device_id, remove_device, usable_password

PAGE = 500
Verb = Callable[[Workbench, Config, Namespace], Awaitable[None]]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the four verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="add|list|remove|password")
    add = verbs.add_parser("add", help="添加设备，输出密码 · let a device in, print its password")
    add.add_argument("id", help="20 位设备编号 · 20-digit code")
    add.add_argument("--name", default="", help="名称 · name")
    add.add_argument("--password", default="", help="密码，默认自动生成 · default: generated")
    show = verbs.add_parser("list", help="列出设备 · list devices")
    remove = verbs.add_parser("remove", help="删除设备及其通道 · remove a device and its channels")
    remove.add_argument("id")
    password = verbs.add_parser("password", help="重设密码 · set another password")
    password.add_argument("id")
    password.add_argument("--password", default="", help="默认自动生成 · default: generated")
    for verb in (add, show, remove, password):
        add_config_options(verb)


def run(arguments: Namespace) -> int:
    """Do one of them."""
    config = load_config(arguments)
    verbs = {"add": _add, "list": _list, "remove": _remove, "password": _password}
    return asyncio.run(_with_workbench(config, arguments, verbs[arguments.verb]))


async def _with_workbench(config: Config, arguments: Namespace, verb: Verb) -> int:
    async with open_workbench(config) as bench:
        await verb(bench, config, arguments)
    return 0


async def _add(bench: Workbench, config: Config, arguments: Namespace) -> None:
    check_device_id(arguments.id)
    password = usable_password(arguments.password)
    await bench.store.run(
        queries.add_device,
        arguments.id,
        at=bench.clock.wall(),
        name=arguments.name,
        secret=bench.secrets.encrypt(password),
        media_transport=MediaTransport(config.media.transports[0].value),
    )
    await bench.users.audit("cli", "device.add", target=arguments.id)
    print(f"已添加设备 · added  {arguments.id}")
    _print_access(config, password)


async def _list(bench: Workbench, config: Config, arguments: Namespace) -> None:
    total = 0
    page = 1
    while True:
        found = await bench.store.run(queries.list_devices, page=page, size=PAGE)
        for device in found.items:
            print(_line(device, config.zone))
        total += len(found.items)
        if total >= found.total or not found.items:
            break
        page += 1
    print(f"共 {total} 台 · devices")


async def _remove(bench: Workbench, config: Config, arguments: Namespace) -> None:
    await bench.store.run(remove_device, arguments.id, bench.clock.wall())
    await bench.users.audit("cli", "device.remove", target=arguments.id)
    print(f"已删除 · removed  {arguments.id}")


async def _password(bench: Workbench, config: Config, arguments: Namespace) -> None:
    password = usable_password(arguments.password)
    secret = bench.secrets.encrypt(password)
    await bench.store.run(queries.set_device_secret, arguments.id, secret)
    await bench.users.audit("cli", "device.password", target=arguments.id)
    print(f"已重设密码 · password set  {arguments.id}")
    _print_access(config, password)


def _print_access(config: Config, password: str) -> None:
    sip = config.sip
    print(f"  SIP 服务器编号 · server id  {sip.server_id}")
    print(f"  SIP 域 · domain            {sip.domain}")
    print(f"  端口 · port                {sip.port}")
    print(f"  密码 · password            {password}")


def _line(device: DeviceRecord, zone: ZoneInfo) -> str:
    mark = "●" if device.online else "○"
    seen = _local(device.last_seen_at, zone)
    return (
        f"{mark} {device.id}  {device.channel_count:5} 通道  {device.address or '-':21}  "
        f"{seen:19}  {device.name}"
    )


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at else "-"
