"""The options that all subcommands share."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from vms.config import Config, load


def add_config_options(parser: ArgumentParser) -> None:
    """`--config` and `--data`."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="配置文件，默认 ./vms.toml · configuration"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="数据目录，默认 ./data · data folder"
    )


def add_role_option(parser: ArgumentParser) -> None:
    """`--role`."""
    parser.add_argument(
        "--role",
        choices=("all", "relay"),
        default="all",
        help="all：整个平台；relay：只作转发节点 · the whole platform, or a relay node alone",
    )


def overrides(arguments: Namespace) -> dict[str, Any]:
    """What the command line sets over file and environment."""
    return {"data": arguments.data} if arguments.data else {}


def load_config(arguments: Namespace) -> Config:
    """The configuration; raises ConfigError."""
    return load(arguments.config, overrides(arguments))
