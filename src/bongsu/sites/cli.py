"""The commands `bongsu site …`."""

from pathlib import Path
from typing import Any

import click

from bongsu.errors import OperatorError
from bongsu.sites.description import FILE_NAME, load
from bongsu.sites.init import init, merged

SHOWN_MAX = 10  # names of files that a run lists


@click.group()
def command() -> None:
    """Real data centres: their configurations, certificates and services."""


@command.command("init")
@click.option("--site", "sites", multiple=True, metavar="NAME=IP", help="A site; three or more.")
@click.option("--server-name", help="The part after the colon in @user:server_name.")
@click.option("--public-base-url", help="URL by which clients reach the server.")
@click.option(
    "--public-site-url", help="URL by which clients reach one site: https://{site}.example.org."
)
@click.option("--desk-public-url", help="URL by which people reach the desk.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"TOML description, as DIR/{FILE_NAME} is one.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder DIR."
)
@click.option("--joining", multiple=True, metavar="NAME", help="A new machine for this dead site.")
@click.option("--force", is_flag=True, help="Overwrite edited files; let a site's address change.")
def init_command(
    sites: tuple[str, ...],
    server_name: str | None,
    public_base_url: str | None,
    public_site_url: str | None,
    desk_public_url: str | None,
    source: Path | None,
    out: Path,
    joining: tuple[str, ...],
    force: bool,
) -> None:
    """Write for each site its configurations, certificates and systemd units into DIR.

    Run again it keeps the authority and all secrets, and adds the sites that are new. DIR holds
    secrets: keep it off the sites' machines, with a copy.
    """
    flags: dict[str, Any] = {"sites": dict(map(_split, sites))}
    given = {
        "server_name": server_name,
        "public_base_url": public_base_url,
        "public_site_url": public_site_url,
        "desk_public_url": desk_public_url,
    }
    flags |= {name: text for name, text in given.items() if text is not None}
    description = merged(out, load(source) if source else {}, flags)
    outcome = init(out, description, joining=joining, force=force)
    for name in outcome.changed[:SHOWN_MAX]:
        click.echo(f"wrote {out / name}")
    if len(outcome.changed) > SHOWN_MAX:
        click.echo(f"… and {len(outcome.changed) - SHOWN_MAX} more files")
    if not outcome.changed:
        click.echo("Nothing to do.")
        return
    if outcome.joined:
        click.echo(f"New: {', '.join(outcome.joined)}; see docs/operate/add-a-site.md.")
    click.echo(f"Now follow {out}/SITE/README.md at each of {', '.join(description.sites)}.")


def _split(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not equals:
        raise OperatorError(f"--site: {text!r} is not NAME=IP")
    return name, address
