"""Which server this is. Synapse: "Version API"."""

import bongsu
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get


class AdminServer:
    @get("/_synapse/admin/v1/server_version", auth=Auth.ADMIN)
    async def server_version(self, request: Request) -> Answer:
        return {"server_version": f"Bongsu {bongsu.__version__}"}
