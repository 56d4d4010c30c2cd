"""`bongsu desk`: run the desk by itself, and what is done to it on the command line."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import asyncpg
import click

from bongsu import cli, supervisor
from bongsu.desk.audit import verify
from bongsu.desk.people import Desk, Operators
from bongsu.desk.roles import Role, parse_roles
from bongsu.desk.sealing import Sealer
from bongsu.engines import any_database
from bongsu.errors import OperatorError
from bongsu.files.desk_keys import add_file_key, load_file_keys
from bongsu.http import logging
from bongsu.postgres.database import Database
from bongsu.postgres.desk.accounts import DeskAccounts
from bongsu.postgres.desk.audit_store import PostgresAudit
from bongsu.postgres.desk.connecting import DESK_SESSION, MESSENGER_SESSION, assume_role
from bongsu.postgres.desk.operator_store import PostgresOperators, PostgresOperatorSessions
from bongsu.postgres.desk.sealing_store import PostgresSealingKeys
from bongsu.postgres.migrate import DESK, migrate
from bongsu.settings import Settings

COMMAND_LINE = "command line"
"""The actor of what is done here: whoever may run commands on the server."""

ROLES_HELP = "ROLES: " + ", ".join(Role) + "; several with commas between."


@click.group("desk", invoke_without_command=True)
@cli.settings_options()
@click.pass_context
def command(context: click.Context, config: Path | None, **flags: str | None) -> None:
    """Notices, damage reports, compensation: run the desk by itself until SIGTERM or Ctrl-C.

    `bongsu serve` on one machine runs it too; with several sites each runs its own.
    """
    if context.invoked_subcommand is not None:
        return
    settings = cli.load(config, flags)
    if not settings.has_desk:
        raise OperatorError("desk_listen: name the address, such as 127.0.0.1:8009")
    logging.configure(settings.log_format, settings.log_level)
    cli.run(_serve(settings))


@command.group()
def operator() -> None:
    """Who works at the desk: accounts of this server, with roles."""


@operator.command("add", epilog=ROLES_HELP)
@click.argument("name")
@click.argument("roles")
@cli.settings_options(*cli.COMMON)
def operator_add(name: str, roles: str, config: Path | None, **flags: str | None) -> None:
    """Give the account NAME exactly these ROLES."""
    settings, given = cli.load(config, flags), parse_roles(roles.split(","))

    async def work() -> None:
        async with _opened(settings) as desk:
            user_id = await desk.operators.put(COMMAND_LINE, name, given)
            click.echo(f"{user_id} is at the desk as {', '.join(sorted(given))}.")

    cli.run(work())


@operator.command("remove")
@click.argument("name")
@cli.settings_options(*cli.COMMON)
def operator_remove(name: str, config: Path | None, **flags: str | None) -> None:
    """Take all roles from NAME and end the sessions at the desk."""
    settings = cli.load(config, flags)

    async def work() -> None:
        async with _opened(settings) as desk:
            user_id = await desk.operators.remove(COMMAND_LINE, name)
            click.echo(f"{user_id} has no role at the desk any more.")

    cli.run(work())


@operator.command("list")
@cli.settings_options(*cli.COMMON)
def operator_list(config: Path | None, **flags: str | None) -> None:
    """Every operator, one a line, with the roles."""
    settings = cli.load(config, flags)

    async def work() -> None:
        async with _opened(settings) as desk:
            for each in await desk.operators.list_all():
                click.echo(f"{each.user_id}  {', '.join(sorted(each.roles))}")

    cli.run(work())


@command.command("verify")
@cli.settings_options(*cli.COMMON)
def verify_audit(config: Path | None, **flags: str | None) -> None:
    """Check the audit log's chain of hashes; says where it breaks."""
    settings = cli.load(config, flags)

    async def work() -> bool:
        async with _opened(settings) as desk:
            count, broken = await verify(desk.audit)
            if broken is None:
                click.echo(f"The chain holds: {count} entries.")
                return True
            click.echo(f"Broken at entry {broken.number}: {broken.reason}.")
            click.echo(f"{count} entries before it hold.")
            return False

    if not cli.run(work()):
        sys.exit(cli.EXIT_FAILED)


@command.command("rotate-keys")
@click.option(
    "--only-add", is_flag=True,
    help="Only add a key to the key file; copy that to all sites before the rest.",
)  # fmt: skip
@cli.settings_options("desk_keys", "site", "replica_url", *cli.COMMON)
def rotate_keys(only_add: bool, config: Path | None, **flags: str | None) -> None:
    """Seal all personal data with a new key, and forget the old one.

    On one machine the key file gets a new key first. With several sites do that at one
    (--only-add), copy the file to the others, and then run this once.
    """
    settings = cli.load(config, flags)
    path = key_file(settings)
    if only_add or not settings.site:
        load_file_keys(path)
        add_file_key(path)
    if only_add:
        click.echo(
            f"{path} has a new key: copy it to every site, then run this without --only-add."
        )
        return

    import_module("bongsu.node.desk_areas")  # whose stores say what is sealed

    async def work() -> None:
        async with _opened(settings) as desk:
            keys = PostgresSealingKeys(desk.database, Sealer(load_file_keys(path)))
            await keys.learn()
            count = await keys.rotate(COMMAND_LINE)
            click.echo(f"{count} fields are sealed anew.")

    cli.run(work())


@command.command("demo")
@click.option("--reports", default=2_000, type=click.IntRange(100, 105_116), help="How many.")
@click.option("--rate", default=200.0, type=click.FloatRange(1, 2_000), help="Reports a second.")
@click.option("--full", is_flag=True, help="All 105,116 of 2022: a quarter of an hour.")
@click.option("--stay", is_flag=True, help="Leave that desk up afterwards, to look around.")
def demo(reports: int, rate: float, full: bool, stay: bool) -> None:
    """The whole story on this machine in a minute, from the fire to the published report.

    It makes a PostgreSQL and a desk of its own and removes them afterwards; nothing that is here is
    touched. Exit code 0 only when every chapter held.
    """
    from bongsu.demo.intake import Pace
    from bongsu.demo.story import tell
    from bongsu.demo.visitor import Broken
    from bongsu.desk.reports.generator import REPORTS

    try:
        cli.run(tell(Pace(REPORTS if full else reports, rate), _say, stays=stay))
    except Broken as broken:
        click.echo(f"{click.style('✗', fg='red')} {broken}", err=True)
        sys.exit(cli.EXIT_FAILED)


def _say(line: str) -> None:
    """A line of the story, with its mark in colour on a terminal."""
    done = line.startswith("✓")
    click.echo(click.style("✓", fg="green") + line[1:] if done else line)


def key_file(settings: Settings) -> Path:
    return settings.desk_keys or settings.desk_data / "keys"


class _Opened(NamedTuple):
    database: Database
    operators: Operators
    audit: PostgresAudit


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[_Opened]:
    """The desk's tables, with a server beside it or not."""
    async with any_database(settings) as dsn:
        await migrate(dsn)
        await migrate(dsn, tables=DESK)
        async with _pool(dsn, DESK_SESSION) as database, _pool(dsn, MESSENGER_SESSION) as messenger:
            desk = Desk(
                DeskAccounts(messenger),
                PostgresOperators(database),
                PostgresOperatorSessions(database),
            )
            operators = Operators(desk, server_name=settings.server_name)
            yield _Opened(database, operators, PostgresAudit(database))


@asynccontextmanager
async def _pool(dsn: str, session: dict[str, str]) -> AsyncGenerator[Database]:
    async with asyncpg.create_pool(
        dsn, min_size=1, max_size=2, server_settings=session, init=assume_role
    ) as pool:
        yield Database(pool)


async def _serve(settings: Settings) -> None:
    from bongsu.node.desk import desk_dsn, run_desk

    def ready(url: str) -> None:
        click.echo(f"The desk serves on {url}")

    async def serve() -> None:
        async with desk_dsn(settings) as dsn:
            await run_desk(settings, dsn, ready)

    await supervisor.until_signalled(serve())
