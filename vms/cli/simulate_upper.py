"""A pretend upper platform: lower platforms register with it, it asks, subscribes and watches.

Add it to the platform that is to be tried as an upper platform (id, address and password as below),
then type orders, or write them into a file for --script:

    catalog                          subscribe catalog|alarm|position [off]
    live CODE [sub]                  playback CODE FROM TO [SPEED]
    download CODE FROM TO [SPEED]    pause, play, seek SECONDS, speed X
    ptz CODE left|right|up|down|in|out|stop [SPEED]
    records CODE FROM TO             info, status
    stop [CODE]                      wait SECONDS|registered|media|end        quit

Times are of Beijing: 2026-05-01T10:00:00, or now, -30m, -2h.

Faults: --fault no_ack --fault lost_keepalives=3 (all names below)
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sip.roles.config import SipConfig
from sip.simulator.upper import WRONG_REALM
from vms.cli.options import add_config_options, load_config
from vms.cli.simulate import stop_on_signal
from vms.clock import SystemClock
from vms.config import Config
from vms.errors import ConfigError
from vms.logs import set_up_logs
from vms.simulation.upper.journal import Journal
from vms.simulation.upper.orders import read_orders
from vms.simulation.upper.plan import parse_upper_faults, run_upper, upper_fault_names
from vms.simulation.upper.platform import UpperPlan

LISTEN = "127.0.0.1:5070"
UPPER_ID = "14000000002000000001"
EVERYWHERE = ("0.0.0.0", "")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_config_options(parser)
    own = parser.add_argument_group("上级平台 · upper platform")
    own.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help=f"默认 {LISTEN}")
    own.add_argument("--advertise", metavar="HOST", help="下级可达的地址 · address for SDP and Via")
    own.add_argument("--id", default=UPPER_ID, help=f"平台编号，默认 {UPPER_ID} · its code")
    own.add_argument("--domain", help="SIP 域，默认编号前十位 · default: ten digits of the code")
    own.add_argument("--edition", choices=("2016", "2022"), default="2022", help="标准版本")
    own.add_argument(
        "--charset", choices=("GB2312", "GB18030", "UTF-8"), default="GB2312", help="字符集"
    )
    own.add_argument(
        "--transport",
        choices=("udp", "tcp-passive", "tcp-active"),
        default="udp",
        help="媒体传输方式 · how it wants its media",
    )
    lower = parser.add_argument_group("下级平台 · lower platform")
    lower.add_argument("--lower-id", help="下级编号，默认取自配置 · default: as configured here")
    lower.add_argument("--password", required=True, help="下级注册的密码 · the lower's password")
    orders = parser.add_argument_group("命令与记录 · orders and records")
    orders.add_argument(
        "--script", type=Path, metavar="FILE", help="命令文件 · orders, a line each"
    )
    orders.add_argument(
        "--commands", action="store_true", help="总是读标准输入 · read orders even from a pipe"
    )
    orders.add_argument("--save", type=Path, metavar="DIR", help="保存收到的 PS · keep the streams")
    orders.add_argument("--log", type=Path, metavar="FILE", help="JSON 行日志 · JSON lines")
    orders.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[=N]",
        help=", ".join(upper_fault_names()),
    )


def run(arguments: Namespace) -> int:
    """Run until an order or a signal ends it."""
    config = load_config(arguments)
    set_up_logs(config.log, config.zone)
    plan = plan_of(arguments, config)
    script = read_orders(arguments.script) if arguments.script is not None else ()
    is_typed = bool(arguments.commands or sys.stdin.isatty())

    async def play(journal: Journal) -> None:
        await run_upper(plan, journal, script, stop_on_signal(), is_typed=is_typed)

    with Journal(
        _print, lambda: SystemClock().wall().astimezone(config.zone), arguments.log
    ) as journal:
        try:
            asyncio.run(play(journal))
        except OSError as error:
            raise ConfigError("--listen", str(error), f"--listen {LISTEN}") from error
    return 0


def plan_of(arguments: Namespace, config: Config) -> UpperPlan:
    """What is to be played; raises ConfigError for what cannot work."""
    host, _, port = arguments.listen.rpartition(":")
    if not port.isdecimal() or not int(port) < 65536:
        raise ConfigError("--listen", f"no port: {port!r}", f"--listen {LISTEN}")
    if host in EVERYWHERE and not arguments.advertise:
        raise ConfigError(
            "--advertise", "needed where it listens everywhere", "--advertise 10.1.2.3"
        )
    for option, code in (("--id", arguments.id), ("--lower-id", _lower_id(arguments, config))):
        if not (len(code) == 20 and code.isdecimal() and code.isascii()):
            raise ConfigError(option, f"a code has 20 digits: {code!r}", f"{option} {UPPER_ID}")
    if arguments.save is not None and not arguments.save.is_dir():
        raise ConfigError("--save", f"no folder {arguments.save}", "--save /tmp")
    faults = parse_upper_faults(arguments.fault)
    return UpperPlan(
        config=SipConfig(
            server_id=arguments.id,
            domain=arguments.domain or arguments.id[:10],
            realm=WRONG_REALM if faults.wrong_realm else "",
            host=host or EVERYWHERE[0],
            port=int(port),
            advertised_host=arguments.advertise or host,
            edition=arguments.edition,
            charset=arguments.charset,
        ),
        lower_id=_lower_id(arguments, config),
        password=arguments.password,
        wall=SystemClock().wall,
        transport=arguments.transport,
        faults=faults,
        save=arguments.save,
    )


def _lower_id(arguments: Namespace, config: Config) -> str:
    return str(arguments.lower_id or config.sip.server_id)


def _print(line: str) -> None:
    print(line, flush=True)
