"""GET /docs: one page that loads nothing from elsewhere."""

import re

from oppulence.console import pages
from tests.support.api import Api


def test_the_page_is_html_for_everyone(api: Api) -> None:
    response = api.get("/docs")
    assert response.status == 200 and response.headers["Content-Type"].startswith("text/html")
    assert response.body.decode().startswith("<!doctype html>")


def test_the_browser_is_told_to_load_from_here_only(api: Api) -> None:
    policy = api.get("/docs").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "'unsafe" not in policy and "http" not in policy


def test_everything_the_page_names_exists_here(api: Api) -> None:
    page = api.get("/docs").body.decode()
    places = re.findall(r'(?:href|src)="(/[^"]+)"', page)
    assert len(places) >= 4
    for place in places:
        assert api.get(place).status == 200, place


def test_nothing_of_it_comes_from_another_host() -> None:
    texts = [pages.index(), *(pages.asset(name).content for name in ("docs.css", "docs.js"))]
    for text in texts:
        assert not re.search(rb"""(src|href|url\(|fetch\(|import)\s*[=(]?\s*["'`(]?\s*(https?:)?//""", text)


def test_people_who_use_no_mouse_and_see_no_colours_can_use_it() -> None:
    page, style = pages.index().decode(), pages.asset("docs.css").content.decode()
    assert '<html lang="en">' in page and 'class="skip"' in page and 'role="status"' in page
    for field in re.findall(r'<input id="(\w+)"', page):
        assert f'<label for="{field}"' in page
    assert ":focus-visible" in style and "prefers-reduced-motion" in style


def test_the_documents_words_never_become_markup() -> None:
    script = pages.asset("docs.js").content.decode()
    assert "innerHTML" not in script and "insertAdjacentHTML" not in script and "eval(" not in script
