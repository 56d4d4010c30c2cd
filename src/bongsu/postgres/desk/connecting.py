"""Connections of the desk: as its own role, with its own schema in the path."""

from contextlib import suppress

import asyncpg

from bongsu.postgres.database import Connection

ROLE = "bongsu_desk"

DESK_SESSION = {"search_path": "desk", "application_name": "bongsu desk", "jit": "off"}
MESSENGER_SESSION = {"search_path": "public", "application_name": "bongsu desk", "jit": "off"}

_ASSUME = f"""
SELECT set_config('role', '{ROLE}', false)
 WHERE EXISTS (SELECT FROM pg_roles
                WHERE rolname = '{ROLE}' AND pg_has_role(current_user, oid, 'MEMBER'))
"""


async def assume_role(connection: Connection) -> None:
    """Give up what the desk does not need. Without its role (see privileges.sql) it stays who it
    is: then an administrator has not made it yet."""
    with suppress(asyncpg.InsufficientPrivilegeError):
        await connection.execute(_ASSUME)
