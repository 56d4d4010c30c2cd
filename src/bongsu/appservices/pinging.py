"""An application service asks whether this server reaches it."""

import structlog

from bongsu.appservices.calls import Calls
from bongsu.appservices.services import Services
from bongsu.errors import InvalidParam, Refused
from bongsu.log.bus import Bus, BusUnavailable

log = structlog.get_logger()

TXN_ID_CHARACTERS_MAX = 1000
SUBJECT = "appservices"  # ids of services that answer again, for whoever waits to deliver


class Pinging:
    def __init__(self, services: Services, calls: Calls, bus: Bus) -> None:
        self._services = services
        self._calls = calls
        self._bus = bus

    async def ping(self, service_id: str, txn_id: str | None) -> int:
        """How long a service took to answer, in ms. It hears at once what waited for it.

        M_URL_NOT_SET if it has none, `ServiceUnreachable` if it does not answer well.
        """
        if txn_id is not None and len(txn_id) > TXN_ID_CHARACTERS_MAX:
            raise InvalidParam("The transaction id is too long")
        service = self._services.get(service_id)
        assert service is not None, "its token was known"
        if service.registration.url is None:
            raise Refused("The application service has no URL", code="M_URL_NOT_SET")
        took = await self._calls.ping(service, txn_id)
        try:
            await self._bus.publish(SUBJECT, service.id.encode())
        except BusUnavailable as error:
            log.debug("ping not published", reason=str(error))
        return took
