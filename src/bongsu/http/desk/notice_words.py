"""Says a notice in words, for mails, webhooks and rooms."""

from bongsu.desk.notices.board import Board
from bongsu.desk.notices.channels import Told
from bongsu.desk.notices.subscribers import Notice
from bongsu.desk.notices.words import choose_text
from bongsu.http.desk.face import Face
from bongsu.http.desk.texts import DEFAULT_LANGUAGE, LANGUAGES


class NoticeWording:
    """Implements `desk.notices.channels.Wording`. Names of services come from the board."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self.names: dict[str, dict[str, str]] = {}

    def learn(self, board: Board) -> None:
        self.names = {service.service_id: dict(service.names) for service in board.services}

    def notice(self, notice: Notice, language: str, url: str, end_url: str | None) -> Told:
        frame = language if language in LANGUAGES else DEFAULT_LANGUAGE
        get, title = self._face.texts.get, self._face.title
        incident = choose_text(notice.titles, language)[1]
        phase = get(frame, f"notices.phase.{notice.update.phase}")
        names = [
            choose_text(self.names.get(service) or {"en": service}, language)[1]
            for service in notice.services
        ]
        text = get(
            frame, "notices.mail_body", incident=incident, phase=phase,
            time=self._face.time_text(notice.update.ts), services=", ".join(names), url=url,
            text=choose_text(notice.update.texts, language)[1],
        )  # fmt: skip
        if end_url is not None:
            text += get(frame, "notices.mail_end", url=end_url)
        subject = get(frame, "notices.mail_subject", title=title, phase=phase, incident=incident)
        return Told(subject, text)

    def question(self, language: str, confirm_url: str) -> Told:
        frame = language if language in LANGUAGES else DEFAULT_LANGUAGE
        get, title = self._face.texts.get, self._face.title
        return Told(
            get(frame, "notices.question_subject", title=title),
            get(frame, "notices.question_body", title=title, url=confirm_url),
        )
