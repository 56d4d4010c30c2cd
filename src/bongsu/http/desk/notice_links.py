"""Where the links of the public notices lead: at the desk itself, and in a copy of its pages.

A copy is one folder of files that refer to one another by name, so it works wherever it is put:
index.html (Korean), index.en.html, history.ko.html, incident.<id>.ko.html, feed.ko.atom, …
"""

from bongsu.http.desk.static import StaticFiles
from bongsu.http.desk.texts import DEFAULT_LANGUAGE


class LiveLinks:
    """Implements `notice_render.PageLinks`."""

    root = ""
    is_copy = False

    def __init__(self, static: StaticFiles) -> None:
        self._static = static

    def page(self, name: str, language: str) -> str:
        return f"{self.path(name)}?lang={language}"

    def static(self, plain_name: str) -> str:
        return self._static.path(plain_name)

    @staticmethod
    def path(name: str) -> str:
        """The path of a page, whatever its language."""
        kind, _, incident_id = name.partition(" ")
        return _PATHS.get(kind) or f"/incidents/{incident_id}"


_PATHS = {
    "status": "/", "history": "/history", "atom": "/feed.atom", "json": "/feed.json",
    "summary": "/status.json",
}  # fmt: skip


class CopyLinks:
    """Implements `notice_render.PageLinks`. `root`: the desk's own address."""

    is_copy = True

    def __init__(self, static: StaticFiles, root: str) -> None:
        self._static = static
        self.root = root

    def page(self, name: str, language: str) -> str:
        return self.file(name, language)

    def static(self, plain_name: str) -> str:
        return self._static.path(plain_name).removeprefix("/static/")

    @staticmethod
    def file(name: str, language: str) -> str:
        """The name of a page's file."""
        kind, _, incident_id = name.partition(" ")
        match kind:
            case "status":
                return "index.html" if language == DEFAULT_LANGUAGE else f"index.{language}.html"
            case "atom" | "json":
                return f"feed.{language}.{kind}"
            case "summary":
                return "status.json"
            case "incident":
                return f"incident.{incident_id}.{language}.html"
            case _:
                return f"{kind}.{language}.html"
