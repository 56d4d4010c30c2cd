"""The page behind the link in an e-mail. Opening it changes nothing, since mail filters open every
link: whoever reads it presses the button. In Korean or English, as the browser asks.

A client's `next_link` is not followed: a link of our mail would lead wherever its asker wants.
"""

from html import escape
from urllib.parse import parse_qs

from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, Auth, get, post
from bongsu.users.emails import CONFIRM_PATH, Emails

FORM_BYTES_MAX = 4096

_PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:1.1em sans-serif;max-width:30em;margin:4em auto;padding:0 1em}}</style>
<h1>{title}</h1><p>{text}</p>{form}</html>"""
_FORM = """<form method="post"><input type="hidden" name="sid" value="{sid}">
<input type="hidden" name="token" value="{token}"><button>{button}</button></form>"""
_TEXTS = {
    "ko": {
        "title": "이메일 주소 확인",
        "ask": "이 이메일 주소가 본인의 주소임을 확인합니다.",
        "button": "확인",
        "done": "확인되었습니다. 이제 앱으로 돌아가세요.",
        "failed": "링크가 만료되었거나 올바르지 않습니다. 앱에서 다시 요청하세요.",
    },
    "en": {
        "title": "Confirm your e-mail address",
        "ask": "Confirm that this e-mail address is yours.",
        "button": "Confirm",
        "done": "Confirmed. You may return to the app now.",
        "failed": "The link has expired or is not valid. Ask for another in the app.",
    },
}
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
)


class EmailPage:
    """`emails` None: no link was ever sent."""

    def __init__(self, emails: Emails | None) -> None:
        self._emails = emails

    @get(CONFIRM_PATH, auth=Auth.NONE, limit="login")
    async def ask(self, request: Request) -> Answer:
        texts = _texts(request)
        form = _FORM.format(
            sid=escape(request.query_text("sid") or ""),
            token=escape(request.query_text("token") or ""),
            button=texts["button"],
        )
        return _page(texts, "ask", form)

    @post(CONFIRM_PATH, auth=Auth.NONE, limit="login", body_bytes_max=FORM_BYTES_MAX)
    async def confirm(self, request: Request) -> Answer:
        form = _form(request.body)
        is_confirmed = self._emails is not None and await self._emails.confirm(
            form.get("sid", ""), form.get("token", "")
        )
        return _page(_texts(request), "done" if is_confirmed else "failed")


def _texts(request: Request) -> dict[str, str]:
    wanted = request.headers.get(b"accept-language", b"").lower()
    return _TEXTS["ko" if wanted.strip().startswith(b"ko") else "en"]


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _page(texts: dict[str, str], what: str, form: str = "") -> Response:
    lang = next(lang for lang, known in _TEXTS.items() if known is texts)
    body = _PAGE.format(lang=lang, title=texts["title"], text=texts[what], form=form)
    return Response(
        body.encode(),
        status=400 if what == "failed" else 200,
        content_type=b"text/html; charset=utf-8",
        headers=_HEADERS,
    )
