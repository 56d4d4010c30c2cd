"""What mails to reporters say."""

from bongsu.desk.reports.mailing import MailKind
from bongsu.http.desk.face import Face
from bongsu.http.desk.texts import DEFAULT_LANGUAGE, LANGUAGES


class ReportMailWording:
    """Implements `desk.reports.mailing.Wording`."""

    def __init__(self, face: Face) -> None:
        self._face = face

    def mail(self, kind: MailKind, receipt: str, language: str) -> tuple[str, str]:
        frame = language if language in LANGUAGES else DEFAULT_LANGUAGE
        get, title = self._face.texts.get, self._face.title
        what = get(frame, f"report_mail.what.{kind}")
        subject = get(frame, "report_mail.subject", title=title, receipt=receipt, what=what)
        text = get(
            frame, "report_mail.body", title=title, receipt=receipt,
            news=get(frame, f"report_mail.news.{kind}"), url=self._face.public_url,
        )  # fmt: skip
        return subject, text
