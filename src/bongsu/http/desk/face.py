"""What every page needs: texts, templates, static files, the form's token, who operators are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bongsu.desk.people import People
from bongsu.desk.roles import Role
from bongsu.http.desk import csrf, proof_of_work
from bongsu.http.desk.csrf import Csrf
from bongsu.http.desk.proof_of_work import ProofOfWork
from bongsu.http.desk.sentences import Sentences, load_sentences
from bongsu.http.desk.static import StaticFiles
from bongsu.http.desk.texts import LANGUAGE_NAMES, LANGUAGES, Texts, load_texts
from bongsu.http.desk.visit import Visit
from bongsu.http.peers import Peers
from bongsu.http.rate_limit import RateLimiter


@dataclass(frozen=True)
class Entry:
    """A link on the operators' own page. `title` is the key of a text."""

    path: str
    title: str
    roles: frozenset[Role]


@dataclass(frozen=True)
class Face:
    people: People
    csrf: Csrf
    work: ProofOfWork
    limiter: RateLimiter
    peers: Peers
    title: str  # what the operator is called
    public_url: str  # without a slash at its end
    client_origins: frozenset[str]  # of the messenger's browser clients
    zone: ZoneInfo
    entries: list[Entry] = field(default_factory=list[Entry])
    texts: Texts = field(default_factory=load_texts)
    sentences: Sentences = field(default_factory=load_sentences)
    static: StaticFiles = field(default_factory=StaticFiles)
    environment: Environment = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", self._environment())

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by https."""
        return self.public_url.startswith("https:")

    def render(self, visit: Visit, template: str, context: Mapping[str, Any]) -> str:
        return self.environment.get_template(template).render(
            visit=visit,
            operator=visit.operator_or_none,
            language=visit.language,
            t=visit.t,
            title=self.title,
            root="",
            home="/",
            language_link="?lang={}".format,
            static=self.static.path,
            languages=LANGUAGES,
            language_names=LANGUAGE_NAMES,
            csrf_field=lambda: self._csrf_field(visit),
            work_field=self._work_field,
            links=[entry for entry in self.entries if _may(visit, entry)],
            **context,
        )

    def time_text(self, ts: int, form: str = "%Y-%m-%d %H:%M %Z") -> str:
        """A time in the desk's zone, for people."""
        return datetime.fromtimestamp(ts / 1000, UTC).astimezone(self.zone).strftime(form)

    def time_element(self, ts: int | None) -> Markup:
        """<time> with the exact moment for machines; nothing for None."""
        if ts is None:
            return Markup("")
        exact = datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Markup('<time datetime="{}">{}</time>').format(exact, self.time_text(ts))

    def time_input(self, ts: int | None) -> str:
        """The value of a datetime-local field."""
        return "" if ts is None else self.time_text(ts, "%Y-%m-%dT%H:%M")

    def _environment(self) -> Environment:
        environment = Environment(
            loader=PackageLoader("bongsu.http.desk"),
            autoescape=True,
            auto_reload=False,  # templates are a part of the program
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for each in (self.time_element, self.time_input, self.time_text):
            environment.filters[each.__name__] = each
        return environment

    def _csrf_field(self, visit: Visit) -> Markup:
        token = self.csrf.token(visit.visitor, visit.session)
        return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, token)

    def _work_field(self) -> Markup:
        """Nothing while no work is asked for."""
        if self.work.bits == 0:
            return Markup("")
        return Markup(
            '<input type="hidden" name="{}" value="{}">'
            '<input type="hidden" name="{}" value=""><script src="{}" defer></script>'
        ).format(
            proof_of_work.CHALLENGE_FIELD, self.work.challenge(), proof_of_work.ANSWER_FIELD,
            self.static.path("work.js"),
        )  # fmt: skip


def _may(visit: Visit, entry: Entry) -> bool:
    operator = visit.operator_or_none
    return operator is not None and operator.may(*entry.roles)
