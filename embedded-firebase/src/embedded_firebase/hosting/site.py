"""Owns serving a site as Firebase Hosting does: the files of a public folder, and rewrites to files and functions.

Must not know what the functions do. Other settings of `firebase.json` are named in a warning and ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.security import safe_join
from werkzeug.utils import redirect, send_file
from werkzeug.wrappers import Request, Response

from embedded_firebase import log
from embedded_firebase.defaults import REGION

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KNOWN = {"public", "ignore", "rewrites", "headers", "cleanUrls", "site", "target", "predeploy", "postdeploy"}
_GLOB = re.compile(r"/\*\*/|\*\*|\*|\?|@\(([^()]*)\)|\{([^{}]*)\}|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The target of a rewrite: a file of the site, or a function of a region."""

    source: re.Pattern[str]
    destination: str | None = None
    function: str | None = None
    region: str = REGION


@dataclass(frozen=True, slots=True)
class Site:
    """The settings of a site; the first matching rewrite applies, and all matching headers."""

    public: Path
    ignored: tuple[re.Pattern[str], ...]
    rewrites: tuple[Rewrite, ...]
    headers: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...]
    has_clean_urls: bool


def read_site(config: Path) -> Site | None:
    """Read the site of a `firebase.json`, the first of several, or None where it has none.

    Raises:
        OSError: there is no such file.
        ValueError: it cannot be read, or has no public folder; the message says which.
    """
    given = json.loads(config.read_text()).get("hosting")
    if isinstance(given, list):
        given = given[0] if given else None
    if given is None:
        return None
    if not isinstance(given, dict) or not (config.parent / str(given.get("public", ""))).is_dir():
        raise ValueError(f"{config}: hosting.public must name a folder")
    if left_out := sorted(given.keys() - _KNOWN):
        log.write("WARNING", f"{config}: of hosting, {', '.join(left_out)} is not served here")
    try:
        return Site(
            public=(config.parent / given["public"]).resolve(),
            ignored=tuple(_pattern(f"/{glob.lstrip('/')}") for glob in given.get("ignore", [])),
            rewrites=tuple(map(_rewrite, given.get("rewrites", []))),
            headers=tuple(
                (_source(rule), {header["key"]: header["value"] for header in rule["headers"]})
                for rule in given.get("headers", [])
            ),
            has_clean_urls=bool(given.get("cleanUrls", False)),
        )
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise ValueError(f"{config}: hosting cannot be read: {error!r}") from error


def init_json(project: str, emulators: Mapping[str, str]) -> WSGIApplication:
    """Answer `/__/firebase/init.json`: the project, and the addresses of its emulators."""
    text = json.dumps({"projectId": project, "apiKey": "demo", "emulators": emulators})
    return Response(text, mimetype="application/json", headers={"Cache-Control": "no-store"})


def application(
    site: Site, functions: WSGIApplication, project: str, own: Mapping[str, WSGIApplication] | None = None
) -> WSGIApplication:
    """Answer with a file if there is one, else by the first matching rewrite, else with `404.html`.

    `functions` are served as Firebase's emulator serves those of `project`; `own` are reserved paths.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if kept := (own or {}).get(request.path):
            return kept(environ, start_response)
        response = _static(site, request.path, request) if request.method in {"GET", "HEAD"} else None
        if response is None:
            rewrite = next((rule for rule in site.rewrites if rule.source.fullmatch(request.path)), None)
            if rewrite and rewrite.function:
                path = f"/{project}/{rewrite.region}/{rewrite.function}{environ['PATH_INFO']}"
                return functions(environ | _forwarded(request) | {"PATH_INFO": path}, start_response)
            if rewrite and rewrite.destination:
                response = _static(site, rewrite.destination, request)
        response = response or _absent(site, request)
        for source, headers in site.headers:
            if source.fullmatch(request.path):
                response.headers.update(headers)
        return response(environ, start_response)

    return answer


def _static(site: Site, path: str, request: Request) -> Response | None:
    """Return a file of the site, or a redirect to it, or None."""
    if any(pattern.fullmatch(path) for pattern in site.ignored):
        return None
    if site.has_clean_urls and path.endswith(".html") and _file(site, path):
        return redirect(path.removesuffix(".html").removesuffix("index") or "/", 301)
    candidates = [path.rstrip("/") + "/index.html"] if path.endswith("/") else [path]
    if site.has_clean_urls and not path.endswith("/"):
        candidates.append(f"{path}.html")
    for candidate in candidates:
        if file := _file(site, candidate):
            return _sent(file, request)
    if not path.endswith("/") and _file(site, f"{path}/index.html"):
        return redirect(f"{path}/", 301)
    return None


def _file(site: Site, path: str) -> Path | None:
    joined = safe_join(str(site.public), path.lstrip("/"))
    file = Path(joined) if joined else None
    # Symbolic links must not lead out of the folder.
    return file if file and file.is_file() and file.resolve().is_relative_to(site.public) else None


def _sent(file: Path, request: Request) -> Response:
    response = send_file(file, request.environ, etag=True, conditional=True)
    # Revalidated every time, so that a change is visible at once; production caches files for an hour.
    response.headers["Cache-Control"] = "no-cache"
    return response


def _absent(site: Site, request: Request) -> Response:
    file = _file(site, "/404.html")
    if file is None:
        return Response("Not Found\n", 404, mimetype="text/plain")
    return Response(file.read_bytes(), 404, mimetype="text/html")


def _forwarded(request: Request) -> dict[str, str]:
    """Return the headers of a call through the site: of all cookies, only `__session` is passed."""
    session = SimpleCookie(request.headers.get("Cookie", "")).get("__session")
    return {
        "HTTP_X_FORWARDED_HOST": request.host,
        "HTTP_X_ORIGINAL_URL": request.full_path.rstrip("?"),
        "HTTP_COOKIE": f"__session={session.coded_value}" if session else "",
    }


def _rewrite(given: Mapping[str, Any]) -> Rewrite:
    source, function = _source(given), given.get("function")
    if isinstance(function, Mapping):
        return Rewrite(source, function=function["functionId"], region=function.get("region", REGION))
    if function:
        return Rewrite(source, function=function, region=given.get("region", REGION))
    return Rewrite(source, destination=given["destination"])


def _source(rule: Mapping[str, Any]) -> re.Pattern[str]:
    return re.compile(rule["regex"]) if "regex" in rule else _pattern(rule["source"])


def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob of `firebase.json`: `**` is any number of folders, `*` is anything but a slash."""

    def translated(part: re.Match[str]) -> str:
        fixed = {"/**/": "/(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        if part[0] in fixed:
            return fixed[part[0]]
        if part[1] is not None or part[2] is not None:
            choices = part[1].split("|") if part[1] is not None else part[2].split(",")
            return "(?:" + "|".join(_pattern(choice).pattern for choice in choices) + ")"
        return re.escape(part[0])

    return re.compile(_GLOB.sub(translated, glob))
