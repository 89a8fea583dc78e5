"""Works with or without a running platform; a new password ends the user's sessions at once.

Without `--password` one is generated and printed, to be changed at the first login.
"""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable

from vms.cli.options import add_config_options, load_config
from vms.cli.workbench import Workbench, open_workbench
from vms.config import Config
from vms.ids import new_password
from vms.records import Role

Verb = Callable[[Workbench, Config, Namespace], Awaitable[None]]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the three verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="add|password|list")
    add = verbs.add_parser("add", help="添加用户 · add a user")
    add.add_argument("name", help="用户名 · user name")
    add.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.VIEWER.value, help="角色"
    )
    password = verbs.add_parser("password", help="设置密码 · set a password")
    password.add_argument("name")
    for verb in (add, password):
        verb.add_argument("--password", default="", help="默认自动生成 · default: generated")
    show = verbs.add_parser("list", help="列出用户 · list users")
    for verb in (add, password, show):
        add_config_options(verb)


def run(arguments: Namespace) -> int:
    """Do one of them."""
    config = load_config(arguments)
    verbs: dict[str, Verb] = {"add": _add, "password": _password, "list": _list}
    return asyncio.run(_with_workbench(config, arguments, verbs[arguments.verb]))


async def _with_workbench(config: Config, arguments: Namespace, verb: Verb) -> int:
    async with open_workbench(config) as bench:
        await verb(bench, config, arguments)
    return 0


async def _add(bench: Workbench, config: Config, arguments: Namespace) -> None:
    password = arguments.password or new_password()
    role = Role(arguments.role)
    must_change = not arguments.password
    await bench.users.add_user(arguments.name, password, role, must_change=must_change)
    await bench.users.audit("cli", "user.add", target=arguments.name)
    print(f"已添加用户 · added  {arguments.name} ({role.value})")
    if must_change:
        print(f"  密码 · password  {password}")


async def _password(bench: Workbench, config: Config, arguments: Namespace) -> None:
    password = arguments.password or new_password()
    await bench.users.set_password(arguments.name, password)
    await bench.users.audit("cli", "user.password", target=arguments.name)
    print(f"已设置密码 · password set  {arguments.name}")
    if not arguments.password:
        print(f"  密码 · password  {password}")


async def _list(bench: Workbench, config: Config, arguments: Namespace) -> None:
    for user in await bench.users.users():
        last = user.last_login_at
        seen = f"{last.astimezone(config.zone):%Y-%m-%d %H:%M:%S}" if last else "-"
        print(f"{user.username:20} {user.role.value:10} {seen}")
