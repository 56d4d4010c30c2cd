"""The areas of the desk, in the order in which their links stand on the operators' page."""

from collections.abc import Callable

from bongsu.node.desk_assessment import AssessmentOfReports
from bongsu.node.desk_compensation import Compensation
from bongsu.node.desk_investigation import Investigation
from bongsu.node.desk_parts import DeskArea, DeskParts
from bongsu.node.desk_report_mails import MailsToReporters
from bongsu.node.desk_reports import Reports

AREAS: list[Callable[[DeskParts], DeskArea]] = [
    Reports,
    MailsToReporters,
    AssessmentOfReports,
    Compensation,
    Investigation,
]
