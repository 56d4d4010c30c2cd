"""The command `bongsu`: parse, call, say in a line what happened. No logic lives here."""

import os
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop

import bongsu
from bongsu import greeting, supervisor
from bongsu.doctor import Verdict, examine
from bongsu.engines import any_database
from bongsu.errors import OperatorError, Refused, Unavailable
from bongsu.files.registrations import load_registrations
from bongsu.http import logging
from bongsu.http.browser.build import folder_of
from bongsu.postgres import migrate as migrations
from bongsu.postgres.identity import renew_incarnation
from bongsu.postgres.migrate import Difference
from bongsu.settings import Settings
from bongsu.settings_sources import CONFIG_NAME, OPTIONS, Option, load_settings

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

EXIT_FAILED = 1
EXIT_USAGE = 2


# Commands of packages of their own, imported when they are asked for; each has a `command`.
_ELSEWHERE = {
    "desk": "bongsu.desk_commands",
    "drill": "bongsu.drill.cli",
    "lab": "bongsu.lab.cli",
    "site": "bongsu.sites.cli",
    "witness": "bongsu.witness.cli",
}


class Group(click.Group):
    """Turns what the operator must mend into lines without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            found: click.Command = import_module(_ELSEWHERE[cmd_name]).command
            return found
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            for line in str(error).splitlines():
                click.echo(f"bongsu: {line}", err=True)
        except (Refused, Unavailable) as error:
            click.echo(f"bongsu: {error.message}", err=True)
        ctx.exit(EXIT_FAILED)


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Give a command `--config` and a flag for each of `names` (all without any)."""

    def decorate(command: Command) -> Command:
        for option in reversed([OPTIONS[name] for name in names or OPTIONS]):
            command = _flag(option)(command)
        return click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            help=f"TOML file with settings (BONGSU_CONFIG); ./{CONFIG_NAME} if it is there.",
        )(command)

    return decorate


def _flag(option: Option) -> Callable[[Command], Command]:
    default = _shown_default(option)
    return click.option(
        option.flag,
        option.name,
        metavar="|".join(option.choices) or _METAVARS[option.kind],
        help=f"{option.meaning}{f'  [{default}]' if default else ''}",
    )


_METAVARS = {str: "TEXT", int: "NUMBER", bool: "on|off", tuple: "A,B,…", Path: "PATH"}


def _shown_default(option: Option) -> str:
    if isinstance(option.default, bool):
        return "on" if option.default else "off"
    return "" if option.default in (None, "", ()) else str(option.default)


COMMON = ("data", "database_url", "server_name")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Bongsu: a Matrix messenger that goes on when a data centre stops.

    Begin with `bongsu serve`. Every setting may stand in a TOML file (listen = "…"), in the
    environment (BONGSU_LISTEN=…) or behind a flag (--listen …); the later one wins.
    """


@main.command()
@settings_options()
def serve(config: Path | None, **flags: str | None) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    Without a database_url it starts its own PostgreSQL in the data folder. With --processes it
    starts that many server processes and a NATS between them.
    """
    from bongsu.main import run_node

    settings = load(config, flags)
    load_registrations(settings.appservices, settings.server_name)  # a wrong one is told at once
    folder_of(settings.web_client)
    logging.configure(settings.log_format, settings.log_level)
    announce = greeting.announcer(settings)
    run(supervisor.serve(settings, run_node, announce))


@main.command(hidden=True)
def node() -> None:
    """One server process; only `serve` knows how to start it."""
    from bongsu.main import run_node

    orders = supervisor.read_orders()
    logging.configure(orders.settings.log_format, orders.settings.log_level)
    run(supervisor.run_ordered_node(orders, run_node))


@main.command("desk-child", hidden=True)
def desk_child() -> None:
    """The desk's process; only `serve` knows how to start it."""
    from bongsu.node.desk import run_desk

    orders = supervisor.read_orders()
    logging.configure(orders.settings.log_format, orders.settings.log_level)
    run(supervisor.run_ordered_desk(orders, run_desk))


@main.group()
def user() -> None:
    """Accounts, whether the server runs or not."""


@user.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="Make it an administrator of this server.")
@settings_options(*COMMON)
def user_add(name: str, admin: bool, config: Path | None, **flags: str | None) -> None:
    """Make the account NAME. The password is asked for, or read from stdin's first line."""
    from bongsu import user_commands

    password = _ask_password()
    user_id = run(user_commands.add(load(config, flags), name, password, is_admin=admin))
    click.echo(f"{user_id} may sign in now.")


@user.command("passwd")
@click.argument("name")
@click.option("--keep-sessions", is_flag=True, help="Do not sign its devices out.")
@settings_options(*COMMON)
def user_passwd(name: str, keep_sessions: bool, config: Path | None, **flags: str | None) -> None:
    """Set a new password for NAME and sign all its devices out."""
    from bongsu import user_commands

    password = _ask_password()
    settings = load(config, flags)
    user_id = run(user_commands.set_password(settings, name, password, keep=keep_sessions))
    click.echo(f"{user_id} has a new password.")


@user.command("deactivate")
@click.argument("name")
@click.confirmation_option(prompt="The account is ended for good. Go on?")
@settings_options(*COMMON)
def user_deactivate(name: str, config: Path | None, **flags: str | None) -> None:
    """End the account NAME for good; its name is never given out again."""
    from bongsu import user_commands

    user_id = run(user_commands.deactivate(load(config, flags), name))
    click.echo(f"{user_id} is deactivated and signed out everywhere.")


@user.command("list")
@settings_options(*COMMON)
def user_list(config: Path | None, **flags: str | None) -> None:
    """Every account, one a line, with what is special about it."""
    from bongsu import user_commands

    run(user_commands.show_all(load(config, flags), click.echo))


@main.group()
def media() -> None:
    """Media in the stores of several sites."""


@media.command("status")
@settings_options("media_stores", "media_keys", *COMMON)
def media_status(config: Path | None, **flags: str | None) -> None:
    """Which stores answer, and how many contents each of them has."""
    from bongsu import media_commands

    run(media_commands.status(load(config, flags), click.echo))


@media.command("repair")
@click.option("--verify", is_flag=True, help="Ask every store whether it has what it should.")
@settings_options("media_stores", "media_keys", *COMMON)
def media_repair(verify: bool, config: Path | None, **flags: str | None) -> None:
    """Restore missing copies now. Nodes do so by themselves, less eagerly."""
    from bongsu import media_commands

    if not run(media_commands.repair(load(config, flags), click.echo, verify=verify)):
        sys.exit(EXIT_FAILED)


@main.group()
def db() -> None:
    """The database's schema."""


@db.command("migrate")
@click.option("--post", is_flag=True, help="Also what the previous release could not live with.")
@settings_options(*COMMON)
def db_migrate(post: bool, config: Path | None, **flags: str | None) -> None:
    """Bring the database to this release's schema. `serve` does so too, without --post."""

    async def migrate_all(dsn: str) -> list[str]:
        done = await migrations.migrate(dsn, post=post)
        of_desk = await migrations.migrate(dsn, post=post, tables=migrations.DESK)
        return [*done, *(f"desk {name}" for name in of_desk)]

    done = run(_with_database(load(config, flags), migrate_all))
    click.echo("Applied: " + ", ".join(done) if done else "Nothing to do.")


@db.command("check")
@settings_options(*COMMON)
def db_check(config: Path | None, **flags: str | None) -> None:
    """Compare the database's tables, columns and indexes with this release's schema."""

    async def check_all(dsn: str) -> Difference:
        ours = await migrations.check(dsn)
        if not await migrations.is_made(dsn, migrations.DESK):
            return ours
        return ours + await migrations.check(dsn, migrations.DESK)

    difference = run(_with_database(load(config, flags), check_all))
    for title, lines in (
        ("missing", difference.missing),
        ("unexpected", difference.unexpected),
        ("pending", difference.pending),
    ):
        for line in lines:
            click.echo(f"{title}: {line}")
    if difference:
        sys.exit(EXIT_FAILED)
    click.echo("The schema is as it should be.")


@db.command("new-incarnation")
@settings_options(*COMMON)
def db_new_incarnation(config: Path | None, **flags: str | None) -> None:
    """After a restore: let every client sync anew. All nodes must be stopped.

    A restored log may give positions again that clients have seen with other content; tokens of
    the incarnation before are answered with everything.
    """
    incarnation = run(_with_database(load(config, flags), renew_incarnation))
    click.echo(f"The log is of incarnation {incarnation} now: every client will sync anew.")


@main.command()
@settings_options("listen", "processes", *COMMON)
def doctor(config: Path | None, **flags: str | None) -> None:
    """Look at this machine and say what would keep the server from running well."""
    worst = Verdict.OK
    for finding in run(examine(load(config, flags))):
        click.echo(f"{finding.verdict.name:4}  {finding.what}")
        worst = max(worst, finding.verdict)
    sys.exit(EXIT_FAILED if worst is Verdict.FAIL else 0)


@main.command()
def version() -> None:
    """Bongsu's version."""
    click.echo(f"bongsu {bongsu.__version__}")


def load(config: Path | None, flags: dict[str, str | None]) -> Settings:
    given = {name: text for name, text in flags.items() if text is not None}
    return load_settings(given, os.environ, config)


def run(work: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(work)


async def _with_database(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    async with any_database(settings) as dsn:
        return await work(dsn)


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


if __name__ == "__main__":
    main(prog_name="bongsu")
