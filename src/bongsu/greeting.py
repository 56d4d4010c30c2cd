"""What `bongsu serve` says when it serves: the address, and what to do next."""

from collections.abc import Callable

import click

from bongsu.settings import Settings

_REGISTER = """\
  Make an account   bongsu user add alice, or in Element: Create account, or
                    curl {url}/_matrix/client/v3/register -d '{{"username": "alice",
                      "password": "…", "auth": {{"type": "m.login.dummy"}}}}'"""
_ADD = "  Make an account   bongsu user add alice   (registration is {registration})"
_NEXT = """
Bongsu serves {server_name} on {url}

{accounts}
  Sign in           in Element: Sign in, Edit the homeserver, type {url}
  Look at it        {url}/health   /ready   /metrics       bongsu doctor
  Data              {data}
  Stop              Ctrl-C or SIGTERM; the next start finds everything
"""


def text(settings: Settings, url: str) -> str:
    """The greeting of a server that answers under `url`."""
    accounts = _REGISTER if settings.registration == "open" else _ADD
    return _NEXT.format(
        url=url,
        server_name=settings.server_name,
        accounts=accounts.format(url=url, registration=settings.registration),
        data=settings.data,
    )


def announcer(settings: Settings) -> Callable[[str], None]:
    """Prints the greeting once for people; in JSON logs it would be noise."""

    def announce(url: str) -> None:
        if settings.log_format == "console":
            click.echo(text(settings, url))

    return announce
