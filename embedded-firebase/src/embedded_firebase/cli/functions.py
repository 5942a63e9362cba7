"""Owns the command line of the functions host, `embedded-functions`; must not know what the functions do.

It runs the HTTPS functions, task queues and schedules of a `main.py` at the URLs of Firebase's emulator, in one process
that restarts when the code changes.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from embedded_firebase import defaults, lifeline, log
from embedded_firebase.functions import reloading
from embedded_firebase.functions.discovery import discover
from embedded_firebase.functions.environment import read_files, set_environment
from embedded_firebase.functions.firestore_costs import name_this_process
from embedded_firebase.functions.host import FunctionsHost, HostOptions, Pages
from embedded_firebase.functions.server import bind, broken, files
from embedded_firebase.functions.sign_in import MOUNTS, sign_in
from embedded_firebase.hosting.site import Site, read_site
from embedded_firebase.local_only import LOCAL_HOST
from embedded_firebase.tasks import api as tasks_api

_DRAIN_SECONDS = 10.0
# Shorter than a parent process waits before it kills this one.
_STOP_SECONDS = 3.0


def main() -> None:
    """Serve until interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    parser = _parser()
    options = parser.parse_args()
    if options.any_account and not LOCAL_HOST.fullmatch(options.host):
        parser.error("--any-account is not for a --host that other machines reach")
    sockets = reloading.inherited_sockets(os.environ)
    environment = dict(os.environ)
    lifeline.hold(options)
    # Lines of JSON are for another program, which keeps them.
    recent = log.RecentLines() if options.json else log.make_readable()
    site = _site(options)
    wanted = [("--port", options.port), *([("--hosting-port", options.hosting_port)] if site else [])]
    for name, port in wanted[len(sockets) :]:
        try:
            sockets.append(bind(options.host, port))
        except OSError as error:
            sys.exit(f"Port {port} is taken or not allowed ({error.strerror}); choose another with {name}.")
    known = reloading.snapshot(options.source)
    host = _host(options, sockets[0], (site, sockets[1]) if site else None, recent)
    host.start()
    print(f"Functions ready on {host.url.removeprefix('http://')}", flush=True)  # noqa: T201
    try:
        changed = reloading.wait_for_change(options.source, known)
        log.write("INFO", f"{', '.join(map(str, changed))} changed; restarting")
        host.stop(_DRAIN_SECONDS)
    except SystemExit:
        host.stop(_STOP_SECONDS)
        sys.stdout.flush()
        # sys.exit would wait for threads that the functions have left running.
        os._exit(0)
    reloading.start_anew(sockets, environment)


def _site(options: argparse.Namespace) -> Site | None:
    try:
        return read_site(options.config) if options.config else None
    except (OSError, ValueError) as error:
        sys.exit(f"--config: {error}")


def _host(
    options: argparse.Namespace,
    listener: socket.socket,
    site: tuple[Site, socket.socket] | None,
    recent: log.RecentLines,
) -> FunctionsHost:
    """Load the functions; on failure log the error and answer every call with it, until the code changes."""
    name, port = listener.getsockname()[:2]
    try:
        for variable, value in read_files(options.source, options.project).items():
            os.environ.setdefault(variable, value)
        set_environment(os.environ, options.project, options.firestore, f"{name}:{port}")
        signs_in = options.any_account and not os.environ.get("FIREBASE_AUTH_EMULATOR_HOST")
        if signs_in:
            os.environ["FIREBASE_AUTH_EMULATOR_HOST"] = f"{name}:{port}"
        cost_between = name_this_process(options.firestore)
        functions = discover(options.source)
    except Exception as error:
        traceback.print_exc()
        everything = {"": broken(error), tasks_api.MOUNT: broken(error)}
        pages = Pages(site=site[0], listener=site[1]) if site else None
        return FunctionsHost([], options.project, listener, HostOptions(mounts=everything), pages)
    pages = site and Pages(
        site=site[0],
        listener=site[1],
        emulators=_emulators(options.firestore),
        runnable=dict(options.run),
        cost_between=cost_between,
        lines_of=recent.of_call,
    )
    mounts = {"/files": files(options.files)} if options.files else {}
    if signs_in:
        mounts |= dict.fromkeys(MOUNTS, sign_in(options.project, name))
    # The Auth emulator's tokens are not signed: a page of any origin could forge one, with any claims.
    any_origin = options.any_origin and not os.environ.get("FIREBASE_AUTH_EMULATOR_HOST")
    how = HostOptions(data=options.data, mounts=mounts, any_origin=any_origin)
    try:
        return FunctionsHost(functions, options.project, listener, how, pages)
    except OSError as error:
        sys.exit(f"{error}; is another host using it?")


def _emulators(firestore: str) -> dict[str, str]:
    auth = os.environ.get("FIREBASE_AUTH_EMULATOR_HOST")
    return {"firestore": firestore} | ({"auth": auth} if auth else {})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="embedded-functions", description="Run the functions of a main.py on this machine."
    )
    parser.add_argument("--source", type=Path, default=Path("functions"), help="the folder of main.py")
    parser.add_argument("--project", default=defaults.PROJECT, help="the id of the project (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--firestore", default="127.0.0.1:8080", help="the address of Firestore")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep tasks in this folder (default: in memory)")
    parser.add_argument("--files", type=Path, metavar="DIR", help="serve the files of this folder below /files")
    parser.add_argument("--config", type=Path, metavar="FILE", help="serve the site that this firebase.json describes")
    parser.add_argument("--hosting-port", type=int, default=5000, help="where that site is served")
    parser.add_argument(
        "--run",
        type=lambda given: tuple(given.split("=", 1)),
        action="append",
        default=[],
        metavar="NAME=MODULE",
        help="let pages of the site run this Python module by a POST to /__/run/NAME",
    )
    parser.add_argument(
        "--any-origin",
        action="store_true",
        help="let pages of any origin call the functions, which then have to authenticate callers; "
        "not with an Auth emulator, whose tokens any page can forge",
    )
    parser.add_argument(
        "--any-account",
        action="store_true",
        help="without an Auth emulator: let pages and programs of this machine sign in as any account, without a "
        "secret; not with a --host that other machines reach",
    )
    parser.add_argument("--json", action="store_true", help="log as the functions do, one JSON object a line")
    lifeline.add_option(parser)
    return parser


if __name__ == "__main__":
    main()
