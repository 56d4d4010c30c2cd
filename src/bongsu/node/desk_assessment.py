"""The assessment of damage reports."""

from collections.abc import Iterator, Sequence

from bongsu.desk.assessment.service import Assessment
from bongsu.desk.reports.marks import Marker
from bongsu.http.desk.assessment import QUEUE_PATH, READERS, AssessmentPages
from bongsu.http.desk.assessment_api import AssessmentApi
from bongsu.http.desk.assessment_many import ManyReportsPages
from bongsu.http.desk.endpoints import Area
from bongsu.http.desk.face import Entry
from bongsu.node.desk_parts import DeskParts
from bongsu.postgres.desk.assessment_store import PostgresAssessments
from bongsu.postgres.desk.queue_store import PostgresQueue
from bongsu.postgres.desk.report_store import PostgresReports


def assessment_of(parts: DeskParts) -> Assessment:
    marker = Marker(parts.sealer.file_keys.derive("report marks"))
    reports, queue = PostgresReports(parts.database), PostgresQueue(parts.database)
    decisions = PostgresAssessments(parts.database)
    return Assessment(reports, queue, decisions, parts.sealer, marker)


class AssessmentOfReports:
    """Implements `DeskArea`."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self._decisions = PostgresAssessments(parts.database)
        self.assessment = assessment_of(parts)

    def areas(self) -> Iterator[Area]:
        audit = self._parts.audit
        yield ManyReportsPages(self.assessment, audit, zone=self._parts.settings.desk_time_zone)
        yield AssessmentPages(self.assessment, self._decisions, audit)
        yield AssessmentApi(self.assessment, self._decisions, audit)

    def entries(self) -> Sequence[Entry]:
        return [
            Entry(QUEUE_PATH, "assessment.title", READERS),
            Entry(f"{QUEUE_PATH}/clusters", "assessment.clusters", READERS),
            Entry(f"{QUEUE_PATH}/statistics", "assessment.statistics", READERS),
        ]

    async def start(self) -> None:
        """Nothing runs in the background."""

    async def stop(self) -> None: ...
