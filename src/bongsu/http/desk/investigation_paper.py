"""A published report as lines for the printer, in the reader's language."""

from collections.abc import Iterator, Sequence

from bongsu.desk.investigation.document import Document, PublicCause, PublicEvent
from bongsu.desk.investigation.drafts import Publication
from bongsu.desk.investigation.printing import Line, Print, Style
from bongsu.desk.investigation.publishing import read
from bongsu.http.desk.visit import Visit
from bongsu.http.desk.wording import moment


def paper(visit: Visit, publication: Publication) -> Print:
    """What the printer gets."""
    document, language = read(publication), visit.language
    published = moment(visit, publication.published_ts)
    return Print(
        title=document.title.said(language),
        subtitle=visit.t("investigation.version_of", n=publication.version, date=published),
        foot=f"SHA-256 {publication.hash[:32]}… · {{page}}/{{pages}}",
        language=language,
        made_ts=publication.published_ts,
        lines=tuple(_lines(visit, document, publication)),
    )


def _lines(visit: Visit, document: Document, publication: Publication) -> Iterator[Line]:
    language = visit.language
    yield Line(Style.TEXT, publication.summary)
    for section in document.sections:
        yield Line(Style.HEADING, section.heading.said(language))
        yield Line(Style.TEXT, section.body.said(language))
    if document.timeline:
        yield Line(Style.HEADING, visit.t("investigation.timeline"))
        for event in document.timeline:
            yield Line(Style.ITEM, f"{when(visit, event)}  {event.text.said(language)}")
            yield Line(Style.FAINT, _source(visit, event), 1)
    if document.causes:
        yield Line(Style.HEADING, visit.t("investigation.causes"))
        yield from _causes(visit, document.causes, 0)
    yield from _rest(visit, document)
    yield Line(Style.HEADING, visit.t("investigation.proof_of_text"))
    yield Line(Style.FAINT, f"SHA-256 {publication.hash}")
    if document.chain_number:
        head = f"E{document.chain_number}: {document.chain_hash}"
        yield Line(Style.FAINT, f"{visit.t('investigation.chain_head')} {head}")


def _rest(visit: Visit, document: Document) -> Iterator[Line]:
    language = visit.language
    if document.factors:
        yield Line(Style.HEADING, visit.t("investigation.factors"))
    for factor in document.factors:
        yield Line(Style.ITEM, factor.title.said(language))
        yield Line(Style.FAINT, _joined(factor.explanation.said(language), factor.evidence), 1)
    if document.questions:
        yield Line(Style.HEADING, visit.t("investigation.questions"))
    for question in document.questions:
        yield Line(Style.ITEM, question.text.said(language))
        answer = question.answer.said(language) or visit.t("investigation.unanswered")
        yield Line(Style.FAINT, answer, 1)
    if document.evidence:
        yield Line(Style.HEADING, visit.t("investigation.evidence"))
    for file in document.evidence:
        yield Line(Style.ITEM, f"E{file.number} {file.name}: {file.caption.said(language)}")
        yield Line(Style.FAINT, f"SHA-256 {file.sha256}", 1)


def when(visit: Visit, event: PublicEvent) -> str:
    """The time of an event with how sure it is."""
    shown = moment(visit, event.at)
    return f"{shown} ± {event.uncertainty_ms / 1000:g} s" if event.uncertainty_ms else shown


def _source(visit: Visit, event: PublicEvent) -> str:
    source = visit.t(f"investigation.source.{event.source.value}")
    note = event.source_note.said(visit.language)
    return _joined(f"{source}: {note}" if note else source, event.evidence)


def _causes(visit: Visit, causes: Sequence[PublicCause], depth: int) -> Iterator[Line]:
    for cause in causes:
        kind = visit.t("investigation.direct" if cause.is_direct else "investigation.indirect")
        yield Line(Style.ITEM, f"{cause.title.said(visit.language)} ({kind})", depth)
        explained = _joined(cause.explanation.said(visit.language), cause.evidence)
        if explained:
            yield Line(Style.FAINT, explained, depth + 1)
        yield from _causes(visit, cause.causes, depth + 1)


def _joined(text: str, evidence: Sequence[int]) -> str:
    numbers = " ".join(f"E{number}" for number in evidence)
    return " · ".join(part for part in (text, numbers) if part)
