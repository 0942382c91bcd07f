"""The pages for people, served; their text is in web/pages.py. They are not part of the OpenAPI document."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

import stepd
from stepd.api.problems import STATUS
from stepd.errors import PageNotFound
from stepd.web import pages

# Swagger UI sets styles from scripts and draws its icons from data: addresses; nothing else is let through.
POLICY = {"Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"}


def page_routes() -> list[BaseRoute]:
    async def front(request: Request) -> Response:
        return _html(pages.front_page(stepd.__version__, str(request.base_url).rstrip("/")))

    async def docs(request: Request) -> Response:
        return _html(pages.docs_page())

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            content, media_type = pages.asset(name)
        except KeyError:
            raise PageNotFound(f"there is no asset {name[:40]!r}") from None
        return Response(content, media_type=media_type)

    async def client(request: Request) -> Response:
        content, media_type = pages.asset("client.js")
        return Response(content, media_type=media_type)

    async def problems(request: Request) -> Response:
        return _html(pages.problems_page(STATUS))

    async def problem(request: Request) -> Response:
        code = request.path_params["code"]
        for error, status in STATUS.items():
            if error.code == code:
                return _html(pages.problem_page(error, status))
        raise PageNotFound(f"there is no problem {code[:40]!r}; /problems lists them")

    return [
        Route("/", front),
        Route("/docs", docs),
        Route("/assets/{name}", asset),
        Route("/client.js", client),
        Route("/problems", problems),
        Route("/problems/{code}", problem),
    ]


def _html(page: str) -> Response:
    return HTMLResponse(page, headers=POLICY)
