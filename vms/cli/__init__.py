"""The command `vms`: one file per subcommand, imported only when it is called.

A subcommand of two words has an underscore between them in its file's name.
A subcommand's module has a docstring (its first line is the help), `add_arguments(parser)` and
`run(arguments) -> int`, the exit code.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from vms.errors import ConfigError, VmsError
from vms.version import VERSION

COMMANDS = {
    "run": "启动平台（Ctrl-C 停止） · run the platform",
    "simulate": "启动模拟矿山 · run a simulated mine",
    "simulate upper": "启动模拟上级平台 · run a simulated upper platform",
    "check": "检查配置与环境 · explain what is wrong with the configuration",
    "device": "添加、列出、删除设备 · add, list, remove devices",
    "user": "添加、列出用户，设置密码 · add and list users, set passwords",
}


class Command(Protocol):
    """What a subcommand's module offers."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare options and arguments."""

    def run(self, arguments: Namespace) -> int:
        """Do it; answers the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    words = list(sys.argv[1:] if argv is None else argv)
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return _run(name, words[length:])
    listing = "\n".join(f"  {name:16}{text}" for name, text in COMMANDS.items())
    parser = ArgumentParser(
        prog="vms",
        description=f"烽燧视频管理平台 · Fengsui VMS\n\n{listing}",
        epilog="每个子命令都有 --help · each command has --help",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vms {VERSION}")
    parser.add_argument("command", choices=list(COMMANDS))
    parser.parse_args(words)
    return 2


def _run(name: str, words: list[str]) -> int:
    module = import_module(f"vms.cli.{name.replace(' ', '_')}")
    command = cast(Command, module)
    parser = ArgumentParser(
        prog=f"vms {name}",
        description=f"{COMMANDS[name]}\n\n{module.__doc__ or ''}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    try:
        return command.run(parser.parse_args(words))
    except ConfigError as error:
        print_config_error(error)
        return 78
    except VmsError as error:
        print(f"错误 · error: {error.code} {error.message}", file=sys.stderr)
        return 1


def print_config_error(error: ConfigError) -> None:
    """Say which key, what is wrong with it, and what would do."""
    print(f"配置错误 · configuration: {error.key}: {error.reason}", file=sys.stderr)
    if error.example:
        print(f"  例如 · for example: {error.example}", file=sys.stderr)
