"""For balancers: the desk takes visitors as long as it runs, whatever else does not."""

from collections.abc import Callable, Iterator

from starlette.responses import JSONResponse, Response

from bongsu.http.desk.endpoints import Endpoint, get
from bongsu.http.desk.visit import Visit


class HealthPage:
    """`has_database`: whether it answered just now."""

    def __init__(self, has_database: Callable[[], bool]) -> None:
        self._has_database = has_database

    def endpoints(self) -> Iterator[Endpoint]:
        yield get("/health", self.show)

    async def show(self, visit: Visit) -> Response:
        return JSONResponse({"status": "ok", "database": self._has_database()})
