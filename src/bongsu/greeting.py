"""What `bongsu serve` says when it serves: the address, and what to do next."""

import os
import shutil
import sys
from collections.abc import Callable

import click
import structlog

from bongsu.http.browser.build import WEB_CLIENT_OFF, folder_of
from bongsu.settings import Settings

log = structlog.get_logger()

_REGISTER = '  Make an account   there or in Element: "Create account"; or {command} user add alice'
_ADD = "  Make an account   {command} user add alice   (registration is {registration})"
_DESK = """\
  The desk          {url}   (status, reports; {command} desk operator add alice admin,publisher)
"""
_TALK = """
  Talk              open {url} in a browser
"""
_UNBUILT = """
  Talk              the browser client is not built: `make web` builds it
"""
_NEXT = """
Bongsu serves {server_name} on {url}
{talk}{accounts}
  Other clients     in Element: Sign in, Edit the homeserver, type {url}
{desk}  Look at it        {url}/health   /ready   /metrics       {command} doctor
  Data              {data}
  Stop              Ctrl-C or SIGTERM; the next start finds everything
"""


def text(settings: Settings, url: str) -> str:
    """The greeting of a server that answers under `url`."""
    accounts = _REGISTER if settings.registration == "open" else _ADD
    command = _command()
    return _NEXT.format(
        url=url,
        talk=_talk(settings, url),
        desk=_DESK.format(url=settings.desk_url, command=command) if settings.has_desk else "",
        server_name=settings.server_name,
        command=command,
        accounts=accounts.format(registration=settings.registration, command=command),
        data=settings.data,
    )


def _talk(settings: Settings, url: str) -> str:
    if folder_of(settings.web_client) is not None:
        return _TALK.format(url=url)
    return "\n" if settings.web_client == WEB_CLIENT_OFF else _UNBUILT


def _command() -> str:
    """What a person here types for `bongsu`: it is on the path, or where this one was started."""
    return "bongsu" if shutil.which("bongsu") else os.path.relpath(sys.argv[0])


def announcer(settings: Settings) -> Callable[[str], None]:
    """Says once that the server serves: to people at length, to JSON logs in a line."""

    def announce(url: str) -> None:
        if settings.log_format == "console":
            click.echo(text(settings, url))
        else:
            log.info("serving", url=url)

    return announce
