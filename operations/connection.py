"""Owns how the commands here find the running Firestore and the site; must not know what they do with them."""

from __future__ import annotations

import os
import socket

from google.cloud import firestore

from imagegen import config

_DEFAULT_PORT = "8080"
_DEFAULT_HOSTING_PORT = "5000"
_DEFAULT_PROJECT = "demo-imagegen"


class NotRunning(Exception):
    """No Firestore answers where one is looked for; the message is for a person."""


def connect() -> firestore.Client:
    """Return a client of the Firestore that FIRESTORE_EMULATOR_HOST names, or else FIRESTORE_PORT on this machine.

    Raises:
        NotRunning: nothing listens there, or no place is named.
    """
    port = os.environ.get("FIRESTORE_PORT") or _DEFAULT_PORT
    address = os.environ.get("FIRESTORE_EMULATOR_HOST") or f"127.0.0.1:{port}"
    host, _, number = address.rpartition(":")
    if not host or not number.isdecimal() or not 1 <= int(number) <= 65535:
        raise NotRunning(f"{address!r} is no address; FIRESTORE_PORT must be a port from 1 to 65535.")
    try:
        socket.create_connection((host.strip("[]"), int(number)), timeout=2).close()
    except OSError:
        raise NotRunning(
            f"No Firestore answers at {address}; start `make dev`, or name another with FIRESTORE_PORT=..."
        ) from None
    os.environ["FIRESTORE_EMULATOR_HOST"] = address
    return firestore.Client(project=config.project_id() or _DEFAULT_PROJECT)


def site_url() -> str:
    """Return where the site is that SITE_URL names, or else HOSTING_PORT on this machine."""
    return os.environ.get("SITE_URL") or f"http://127.0.0.1:{os.environ.get('HOSTING_PORT') or _DEFAULT_HOSTING_PORT}"
