"""Sells AI image generations on credits; knows Firestore and the image models, never an emulator.

The packages, each of which imports only from those above it (contracts in pyproject.toml, run by `make check`):

    kit          errors, wire types, log, ids: what every package may use
    config       every parameter and setting
    deps         what a call is handed: types alone
    firebase     Google's clients: Firestore with deadlines, task queues, identities
    web          the HTTP edge: from a request to an endpoint and back
    images       pictures that are kept
    catalog      what is on offer and for how much
    credits      accounts and their ledgers
    providers    image models
    generations  paid requests for pictures, from the charge to the picture or the refund
    webhooks     calling the URL that a caller named
    books        the audit of all accounts
    reports      the weekly report and its anomalies
    api          all HTTPS functions, and their OpenAPI document
    production   builds what the deployed functions run on
"""

# The one source of the version: pyproject.toml and the OpenAPI document read it. A constant costs no cold start.
__version__ = "0.1.0"
