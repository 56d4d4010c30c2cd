"""One request to the desk as a handler sees it: who asks, in which language, with which form."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bongsu.desk.people import Operator
from bongsu.errors import InvalidParam, Refused

if TYPE_CHECKING:
    from bongsu.http.desk.face import Face

TIME_CHARS_MAX = 40


class Visit:
    """`session` is the operator's token, as cookie or bearer."""

    def __init__(
        self,
        request: Request,
        face: "Face",
        *,
        language: str,
        address: str,
        visitor: str,
        session: str | None = None,
        operator: Operator | None = None,
    ) -> None:
        self.request = request
        self.face = face
        self.language = language
        self.address = address
        self.visitor = visitor
        self.session = session
        self.operator_or_none = operator
        self.form = FormData()

    @property
    def operator(self) -> Operator:
        """Who is signed in; only where the endpoint asks for a role."""
        assert self.operator_or_none is not None, "the endpoint asks for no role"
        return self.operator_or_none

    @property
    def path(self) -> Mapping[str, str]:
        """Parts of the path that the endpoint names in braces."""
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def t(self, key: str, /, **values: Any) -> str:
        """A text in the visitor's language."""
        return self.face.texts.get(self.language, key, **values)

    def say(self, sentence: str) -> str:
        """What the core says in English, in the visitor's language."""
        return self.face.sentences.say(self.language, sentence)

    def told(self, code: str, message: str) -> str:
        """What went wrong: the desk's text for all that has this code, else the message itself."""
        key = f"base.error_{code}"
        return self.t(key) if key in self.face.texts else self.say(message)

    def refuse(self, key: str, /, **values: Any) -> Refused:
        """A refusal in the visitor's language, to be raised."""
        return InvalidParam(self.t(key, **values))

    # --- the form

    def text(self, name: str, chars_max: int, *, required: bool = False) -> str:
        """A field, stripped, with line ends as \\n; refused when longer, or when it is needed and
        empty."""
        value = self.form.get(name, "")
        if not isinstance(value, str):
            raise self.refuse("base.field_wrong", name=name)
        text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        if len(text) > chars_max:
            raise self.refuse("base.field_long", name=name, chars=chars_max)
        if not _is_storable(text):
            raise self.refuse("base.field_wrong", name=name)
        if required and not text:
            raise self.refuse("base.field_missing", name=name)
        return text

    def texts(self, name: str, count_max: int = 100) -> list[str]:
        """All values of a field that may stand more than once."""
        values = [value for value in self.form.getlist(name) if isinstance(value, str)]
        if len(values) > count_max or not all(map(_is_storable, values)):
            raise self.refuse("base.field_wrong", name=name)
        return values

    def files(self, name: str) -> list[UploadFile]:
        """Files that were chosen; a file field left empty is none."""
        found = [file for file in self.form.getlist(name) if isinstance(file, UploadFile)]
        return [file for file in found if file.filename]

    def time(self, name: str, *, required: bool = False) -> int | None:
        """A field of the type datetime-local, in the desk's zone, as ms since 1970."""
        text = self.text(name, TIME_CHARS_MAX, required=required)
        if not text:
            return None
        try:
            given = datetime.fromisoformat(text)
            aware = given if given.tzinfo else given.replace(tzinfo=self.face.zone)
            return int(aware.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise self.refuse("base.field_time", name=name) from None

    async def body(self) -> bytes:
        """The whole body of an `api` endpoint, bounded by its `body_bytes_max`."""
        return await self.request.body()

    # --- the answer

    def render(
        self,
        template: str,
        /,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response:
        """A page. In it: visit, operator, language, t, csrf_field, work_field, and `context`."""
        html = self.face.render(self, template, context)
        return Response(html, status, headers, media_type="text/html")

    def redirect(self, path: str) -> Response:
        """After a POST: the browser gets `path`, which must be one of ours."""
        assert path[:1] == "/" != path[1:2], path
        return RedirectResponse(path, 303)


def _is_storable(text: str) -> bool:
    """Whether a table can hold it."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
