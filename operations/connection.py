"""Owns how the commands find the running Firestore, functions and site. Must not know what they do with them."""

from __future__ import annotations

import os
import socket

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import firestore

from imagegen import config

_DEFAULT_PORT = "8080"
_DEFAULT_FUNCTIONS_PORT = "5001"
_DEFAULT_HOSTING_PORT = "5000"
_DEFAULT_PROJECT = "demo-imagegen"


class NotRunning(Exception):
    """No Firestore answers at the address; the message is for the user."""


def connect() -> firestore.Client:
    """Return a client of the Firestore at FIRESTORE_EMULATOR_HOST, else at FIRESTORE_PORT on 127.0.0.1.

    Raises:
        NotRunning: the address is not valid, or no server listens there.
    """
    port = os.environ.get("FIRESTORE_PORT") or _DEFAULT_PORT
    address = os.environ.get("FIRESTORE_EMULATOR_HOST") or f"127.0.0.1:{port}"
    host, _, number = address.rpartition(":")
    if not host or not number.isdecimal() or not 1 <= int(number) <= 65535:
        raise NotRunning(f"{address!r} is not an address; FIRESTORE_PORT must be a port from 1 to 65535.")
    try:
        socket.create_connection((host.strip("[]"), int(number)), timeout=2).close()
    except OSError:
        raise NotRunning(f"No Firestore answers at {address}; start `make dev`, or set FIRESTORE_PORT=...") from None
    os.environ["FIRESTORE_EMULATOR_HOST"] = address
    return firestore.Client(project=local_project_id())


def local_project_id() -> str:
    """Return the project of what runs on this machine."""
    return config.project_id() or _DEFAULT_PROJECT


def functions_host_url() -> str:
    """Return the URL of the functions host: FUNCTIONS_PORT on 127.0.0.1."""
    return f"http://127.0.0.1:{os.environ.get('FUNCTIONS_PORT') or _DEFAULT_FUNCTIONS_PORT}"


def connect_to(project_id: str) -> firestore.Client:
    """Return a client of a deployed project's Firestore, with the credentials of the person at the terminal.

    Raises:
        NotRunning: there are no credentials, or FIRESTORE_EMULATOR_HOST names another Firestore.
    """
    if named := os.environ.get("FIRESTORE_EMULATOR_HOST"):
        raise NotRunning(f"FIRESTORE_EMULATOR_HOST is {named}; unset it to reach project {project_id}.")
    try:
        return firestore.Client(project=project_id)
    except DefaultCredentialsError:
        raise NotRunning(
            f"There are no credentials for project {project_id}; run `gcloud auth application-default login`."
        ) from None


def site_url() -> str:
    """Return the URL of the site: SITE_URL, else HOSTING_PORT on 127.0.0.1."""
    return os.environ.get("SITE_URL") or f"http://127.0.0.1:{os.environ.get('HOSTING_PORT') or _DEFAULT_HOSTING_PORT}"
