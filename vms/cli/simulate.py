"""Pretend boxes register with a platform, list their cameras and send pictures when asked.

Without --clip every camera shows a drawn scene with burnt-in clock and title. --provision lets the
boxes into the platform whose data folder is given; otherwise add them by `vms device add` and pass
the password by --password.

--fleet N plays N devices in one process instead: they register, keep alive and list their cameras,
but send no pictures.

Changes while it runs: --script changes.txt, or --commands and type (see vms/simulation/script.py):
off CODE, on CODE, vlost CODE, defect CODE, add CODE NAME, del CODE, alarm CODE METHOD TYPE,
move CODE LONGITUDE LATITUDE, wait SECONDS

A maker's boxes: --vendor hikvision (see vms/simulation/vendors.json)

Faults: --fault loss=0.05 --fault silence_after_s=20 --fault no_answer --fault die=60
"""

import asyncio
import signal
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from peewee import Database

from channel_registry.queries import devices as queries
from channel_registry.statements import chunks
from sip.message import Peer
from sip.message.peer import TransportName
from stream_relay.access_unit import Codec
from vms.cli.options import add_config_options, load_config
from vms.cli.workbench import Workbench, open_workbench
from vms.clock import SystemClock
from vms.config import Config
from vms.errors import ConfigError
from vms.ids import new_password
from vms.logs import set_up_logs
from vms.simulation.faults import fault_names, parse_faults
from vms.simulation.fleet import MOST_DEVICES, FleetOrder, RunningFleet, fleet_ids, fleet_name
from vms.simulation.mine import FULL_MINE, MineBox, build_mines
from vms.simulation.plan import SimulationPlan, run_simulation
from vms.simulation.script import read_script
from vms.simulation.vendors import vendors

DEFAULT_BOXES = 2
MAX_BOXES = 2000
FLEET_CHANNELS = 4
FLEET_BATCH, FLEET_PAUSE_S = 250, 0.15
"""Another writer of SQLite looks every 100 ms whether it may go on."""
RETRY_S = 2.0
"""As for boxes: people who have just added the devices do not wait the standard's minute."""
MOST_SERIALS = 999_999
"""Six digits of a code number the cameras of a fleet."""
SHOWN_BOXES = 10
LOOPBACK = "127.0.0.1"
SIP_PORT = 5060


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_config_options(parser)
    server = parser.add_argument_group("平台 · platform")
    server.add_argument("--server", metavar="HOST[:PORT]", help="默认本机 · default: this machine")
    server.add_argument("--server-id", help="服务器编号，默认取自配置 · default: configured")
    server.add_argument("--domain", help="SIP 域，默认取自配置 · default: configured")
    server.add_argument(
        "--transport", choices=("udp", "tcp"), default="udp", help="信令 · SIP over"
    )
    server.add_argument("--local-host", metavar="HOST", help="本端地址 · send from this address")
    server.add_argument("--provision", action="store_true", help="自动添加设备 · let the boxes in")
    server.add_argument("--password", default="", help="设备密码 · the boxes' password")
    mine = parser.add_argument_group("矿山 · mine")
    mine.add_argument("--boxes", type=int, default=DEFAULT_BOXES, help="汇聚设备数 · boxes")
    mine.add_argument("--channels", type=int, help="每台通道数 · cameras each")
    mine.add_argument(
        "--fleet", type=int, metavar="N", help="仅信令的设备数 · devices that only signal"
    )
    mine.add_argument(
        "--keepalive", type=float, default=60.0, metavar="S", help="心跳间隔 · seconds"
    )
    picture = parser.add_argument_group("图像 · pictures")
    picture.add_argument("--clip", type=Path, action="append", default=[], help="视频文件 · file")
    picture.add_argument("--codec", choices=("h264", "h265"), help="编码 · default: as the clip")
    voice = parser.add_argument_group("语音 · voice")
    voice.add_argument(
        "--store-voice", type=Path, metavar="DIR", help="把听到的存为 WAV · keep what is heard"
    )
    voice.add_argument(
        "--voice-transport",
        choices=("udp", "tcp-passive", "tcp-active"),
        default="udp",
        help="收听方式 · how devices want to hear",
    )
    voice.add_argument(
        "--speakers", type=int, default=0, metavar="N", help="每台喇叭数 · loudspeakers each"
    )
    events = parser.add_argument_group("变化 · changes")
    events.add_argument(
        "--script", type=Path, metavar="FILE", help="按文件变化 · off, alarm, move, a line each"
    )
    events.add_argument(
        "--commands", action="store_true", help="从标准输入读命令 · read such lines from stdin"
    )
    faults = parser.add_argument_group("故障 · faults")
    names = ", ".join(fault_names())
    faults.add_argument(
        "--vendor", choices=tuple(vendors()), help="按厂家模拟 · a maker's boxes with their quirks"
    )
    faults.add_argument("--fault", action="append", default=[], metavar="NAME[=N]", help=names)


def run(arguments: Namespace) -> int:
    """Run until a signal ends it."""
    config = load_config(arguments)
    set_up_logs(config.log, config.zone)
    check(arguments)
    simulate = _simulate if arguments.fleet is None else _simulate_fleet
    asyncio.run(simulate(config, arguments))
    return 0


def check(arguments: Namespace) -> None:
    """Raises ConfigError for options that cannot work."""
    if not 1 <= arguments.boxes <= MAX_BOXES:
        raise ConfigError("--boxes", f"1 to {MAX_BOXES}", "--boxes 2")
    if arguments.channels is None:
        arguments.channels = FLEET_CHANNELS if arguments.fleet else FULL_MINE
    if arguments.fleet is not None:
        check_fleet(arguments)
    if arguments.channels < 0:
        raise ConfigError("--channels", "not below 0", f"--channels {FULL_MINE}")
    if arguments.speakers < 0:
        raise ConfigError("--speakers", "not below 0", "--speakers 2")
    for clip in arguments.clip:
        if not clip.is_file():
            raise ConfigError("--clip", f"no file {clip}", "--clip belt.mp4")
    if arguments.script is not None:
        read_script(arguments.script)
    if not arguments.provision and not arguments.password:
        raise ConfigError("--password", "needed without --provision", "--password secret")
    parse_faults(arguments.fault)


def check_fleet(arguments: Namespace) -> None:
    """Raises ConfigError for fleets that cannot be."""
    if not 1 <= arguments.fleet <= MOST_DEVICES:
        raise ConfigError("--fleet", f"1 to {MOST_DEVICES}", "--fleet 10000")
    if arguments.fleet * arguments.channels > MOST_SERIALS:
        raise ConfigError("--channels", f"all together at most {MOST_SERIALS}", "--channels 4")
    if arguments.vendor is not None:
        raise ConfigError(
            "--vendor", "a fleet has no maker", f"--boxes 2 --vendor {arguments.vendor}"
        )
    if arguments.transport != "udp":
        raise ConfigError("--transport", "a fleet signals over udp", "--transport udp")


async def _simulate_fleet(config: Config, arguments: Namespace) -> None:
    stop = stop_on_signal()
    ids = fleet_ids(arguments.fleet)
    passwords = dict.fromkeys(ids, arguments.password)
    if arguments.provision:
        named = {device_id: fleet_name(device_id) for device_id in ids}
        async with open_workbench(config) as bench:
            passwords = await let_in_fleet(bench, named, arguments.password)
    order = FleetOrder(
        passwords=passwords,
        server=await _server(config, arguments),
        server_id=arguments.server_id or config.sip.server_id,
        domain=arguments.domain or config.sip.domain,
        channels=arguments.channels,
        keepalive_interval_s=arguments.keepalive,
        retry_interval_s=RETRY_S,
    )
    faults = parse_faults(arguments.fault).signalling
    fleet = RunningFleet(order, faults, arguments.local_host or "")
    print(f"模拟设备群 · simulated fleet: {len(ids)}", flush=True)
    print(f"  → {order.server_id} @ {order.server}", flush=True)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            fleet.run(lambda count: print(f"  已注册 registered {count}/{len(ids)}", flush=True))
        )
        await stop.wait()
        running.cancel()


async def let_in_fleet(bench: Workbench, named: Mapping[str, str], password: str) -> dict[str, str]:
    """Let many devices in with one password; a running platform writes between two batches."""
    chosen = password or new_password()
    secret = bench.secrets.encrypt(chosen)
    for batch in chunks(named, FLEET_BATCH):
        await bench.store.run(_let_all_in, batch, named, secret, bench.clock.wall())
        await asyncio.sleep(FLEET_PAUSE_S)
    await bench.users.audit("cli", "device.add", target=f"fleet of {len(named)}")
    return dict.fromkeys(named, chosen)


def _let_all_in(
    database: Database, ids: list[str], named: Mapping[str, str], secret: str, at: datetime
) -> None:
    with database.atomic():
        known = queries.known_devices(database, ids)
        for device_id in ids:
            if device_id in known:
                queries.set_device_secret(database, device_id, secret)
            else:
                name = named[device_id]
                queries.add_device(database, device_id, at=at, name=name, secret=secret)


def stop_on_signal() -> asyncio.Event:
    """Return what Ctrl-C or a request to terminate sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _simulate(config: Config, arguments: Namespace) -> None:
    stop = stop_on_signal()
    mines = build_mines(arguments.boxes, arguments.channels, arguments.speakers)
    passwords = {mine.device_id: arguments.password for mine in mines}
    if arguments.provision:
        async with open_workbench(config) as bench:
            passwords = await provision(bench, mines, arguments.password)
    vendor = vendors().get(arguments.vendor)
    plan = SimulationPlan(
        mines=mines,
        passwords=passwords,
        server=await _server(config, arguments),
        server_id=arguments.server_id or config.sip.server_id,
        domain=arguments.domain or config.sip.domain,
        local_host=arguments.local_host or "",
        wall=SystemClock().wall,
        clips=tuple(arguments.clip),
        codec=Codec(arguments.codec) if arguments.codec else None,
        keepalive_interval_s=arguments.keepalive,
        faults=parse_faults([*(vendor.faults if vendor else ()), *arguments.fault]),
        vendor=vendor,
        script=read_script(arguments.script) if arguments.script is not None else (),
        is_typed=arguments.commands,
        store_voice=arguments.store_voice,
        voice_transport=arguments.voice_transport,
    )
    _announce(plan)
    await run_simulation(plan, stop)


async def provision(bench: Workbench, mines: Sequence[MineBox], password: str) -> dict[str, str]:
    """Let the boxes in; one that was let in before keeps its password unless one is given."""
    passwords = {}
    for mine in mines:
        stored = await bench.store.run(queries.device_credential, mine.device_id)
        known = stored.secret if stored is not None else None
        if known is not None and not password:
            passwords[mine.device_id] = bench.secrets.decrypt(known)
            continue
        chosen = password or new_password()
        secret = bench.secrets.encrypt(chosen)
        await bench.store.run(
            _let_in, mine, secret, bench.clock.wall(), is_known=stored is not None
        )
        await bench.users.audit("cli", "device.add", target=mine.device_id)
        passwords[mine.device_id] = chosen
    return passwords


def _let_in(
    database: Database, mine: MineBox, secret: str, at: datetime, *, is_known: bool
) -> None:
    if is_known:
        queries.set_device_secret(database, mine.device_id, secret)
    else:
        queries.add_device(database, mine.device_id, at=at, name=mine.name, secret=secret)


async def _server(config: Config, arguments: Namespace) -> Peer:
    """Where the platform listens; raises ConfigError for a name that nobody knows."""
    host, _, port = (arguments.server or "").partition(":")
    number = config.sip.port or SIP_PORT
    if port:
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError("--server", f"no port: {port}", "--server 10.1.2.3:5060")
        number = int(port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or LOOPBACK, number, family=socket.AF_INET
        )
    except OSError as error:
        raise ConfigError("--server", f"no address of {host}", "--server 10.1.2.3") from error
    return Peer(cast(TransportName, arguments.transport), str(found[0][4][0]), number)


def _announce(plan: SimulationPlan) -> None:
    cameras = sum(len(mine.cameras) for mine in plan.mines)
    print(f"模拟矿山 · simulated mine: {len(plan.mines)} 台设备 boxes, {cameras} 路 cameras")
    for mine in plan.mines[:SHOWN_BOXES]:
        print(f"  {mine.device_id}  {len(mine.cameras):4} 路  {mine.name}")
    print(f"  → {plan.server_id} @ {plan.server}", flush=True)
