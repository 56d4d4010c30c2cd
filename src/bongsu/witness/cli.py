"""`bongsu witness` and `bongsu witness pre-promote`."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bongsu.witness.config import Config

_config = click.option(
    "--config", required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="TOML file of this site's witness.",
)  # fmt: skip


@click.group("witness", invoke_without_command=True)
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="TOML file of this site's witness.")  # fmt: skip
@click.option("--log-format", type=click.Choice(["console", "json"]), default="console")
@click.pass_context
def command(context: click.Context, config: Path | None, log_format: str) -> None:
    """Watch the primary; with the other sites' witnesses, depose it when it falls silent."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise click.UsageError("--config is missing")
    import uvloop

    from bongsu.http import logging
    from bongsu.witness.config import load

    logging.configure(log_format)
    uvloop.run(_serve(load(config)))


@command.command("pre-promote")
@_config
def pre_promote(config: Path) -> None:
    """Patroni's hook: exit code 0 if promoting this standby loses nothing."""
    from bongsu.witness.pre_promote import run

    sys.exit(run(config))


async def _serve(config: "Config") -> None:
    """Until SIGTERM or Ctrl-C."""
    from bongsu.witness.agent import Agent
    from bongsu.witness.monitoring import serve

    agent, loop = Agent(config), asyncio.get_running_loop()
    work = asyncio.ensure_future(agent.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    server = await serve(config, agent)
    try:
        await work
    except asyncio.CancelledError:
        return
    finally:
        if server is not None:
            await server.stop(1.0)
