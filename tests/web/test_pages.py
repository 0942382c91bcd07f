"""The pages for people: they exist, lead somewhere, explain every problem, and load nothing from another host."""

import re
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest

from stepd.api.problems import STATUS
from stepd.web.pages import ADVICE, ASSETS, front_page

CODES = sorted(error.code for error in STATUS)
PAGES = ["/", "/docs", "/problems", *(f"/problems/{code}" for code in CODES)]
LOADING = {"src", "href", "action", "data", "poster", "srcset", "formaction", "background", "manifest", "ping"}


class Page(HTMLParser):
    """What a page refers to, and whether it holds scripts or styles of its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        self.references += [value or "" for name, value in attrs if name in LOADING]
        self.inline += [f"{name}={value}" for name, value in attrs if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_elsewhere(http: httpx.Client, path: str) -> None:
    """HTML whose every reference is to this service and leads somewhere; no script or style within it; a policy."""
    answer = http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Page(answer.text)
    assert page.references
    assert page.inline == []
    assert {"html", "head", "title", "body"} <= set(page.tags)
    assert '<html lang="en">' in answer.text
    for reference in page.references:
        assert reference.startswith("/"), reference
        assert not reference.startswith("//"), reference
        assert http.get(reference).status_code == 200, reference
    directives = dict(part.split(maxsplit=1) for part in answer.headers["content-security-policy"].split("; "))
    assert directives["default-src"] == "'self'"
    assert directives.keys() <= {"default-src", "style-src", "img-src", "frame-ancestors", "base-uri", "form-action"}
    assert not re.search(r"https?:|\*|unsafe-eval", " ".join(directives.values()))


def test_every_problem_has_advice_and_a_page(http: httpx.Client) -> None:
    """What it means, its status, and what to do; the table of problems leads to each."""
    assert set(ADVICE) == set(CODES)
    table = Page(http.get("/problems").text)
    assert [reference for reference in table.references if reference.startswith("/problems/")]
    for error, status in STATUS.items():
        assert f"/problems/{error.code}" in table.references
        text = http.get(f"/problems/{error.code}").text
        assert f"Status {status}" in text
        assert re.search(r"<p>[^<]{10,}", text)


@pytest.mark.parametrize("name", ASSETS)
def test_assets_load_nothing_from_elsewhere(http: httpx.Client, name: str) -> None:
    """Styles and scripts, with their media type; no import, font, image or source map of another host."""
    answer = http.get(f"/assets/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == ASSETS[name][1]
    if name.endswith(".css"):
        addresses = re.findall(r"url\(\s*['\"]?([^)'\"]*)", answer.text)
        assert [address for address in addresses if not address.startswith("data:")] == []
        assert "@import" not in answer.text
    if name.endswith((".css", ".js")):
        assert "sourceMappingURL" not in answer.text


def test_the_documentation_starts_from_our_document_alone(http: httpx.Client) -> None:
    """Swagger UI reads /openapi.json and asks nobody whether it is valid."""
    script = http.get("/assets/docs.js").text
    assert 'url: "/openapi.json"' in script
    assert "validatorUrl: null" in script
    assert "http:" not in script
    assert "https:" not in script


def test_the_javascript_client_is_a_script_that_pages_can_import(http: httpx.Client) -> None:
    """/client.js is a module of the service's own origin, never cached, and the front page says how to import it."""
    answer = http.get("/client.js")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == http.get("/assets/client.js").text
    assert http.head("/client.js").headers["content-length"] == str(len(answer.content))
    assert 'import { Client } from "/client.js"' in unescape(http.get("/").text)
    assert not re.search(r"""^import |(?:\bfrom|import\() *["']""", answer.text, re.MULTILINE)
    exported = re.search(r"^export \{\n(.*?)\n\};", answer.text, re.MULTILINE | re.DOTALL)
    assert exported
    assert {"Client", "Session", "Adadelta", "StepdError"} <= set(re.findall(r"\w+", exported[1]))


def test_the_front_page_shows_the_address_by_which_it_was_reached(http: httpx.Client) -> None:
    """The command on it works as it stands; whatever Host says does no harm."""
    assert f"curl {http.base_url}".rstrip("/") in http.get("/").text
    named = http.get("/", headers={"Host": "stepd.internal:81"}).text
    assert "curl http://stepd.internal:81/v1/step" in named
    for host in ('x"><script>alert(1)</script>', "<b>", "a'b", "a b", ""):
        answer = http.get("/", headers={"Host": host})
        assert answer.status_code in (200, 400)
        assert "<script>alert" not in answer.text
        assert "<b>" not in answer.text
    assert "curl &lt;b&gt;/v1/step" in front_page("0.1.0", "<b>")


@pytest.mark.parametrize(
    "path", ["/problems/none", "/assets/none.css", "/assets/..%2Fpages.py", "/assets/%2e%2e/pages.py"]
)
def test_what_is_no_page_is_a_problem(http: httpx.Client, path: str) -> None:
    """404 as everywhere; nothing but the listed assets is served."""
    answer = http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
