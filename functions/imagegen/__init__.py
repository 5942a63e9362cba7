"""Sells AI image generations on credits. Must not know an emulator.

The packages; each imports only from those above it (import-linter contracts in pyproject.toml, run by `make check`):

    kit          errors, wire types, log, ids: shared by all packages
    config       parameters and settings
    deps         the dependencies of a call, as types only
    firebase     Google's clients: Firestore with deadlines, task queues, ID tokens
    web          the HTTP edge: request to endpoint to response
    images       the storage of pictures
    catalog      models, styles, colors, sizes and prices
    credits      accounts and their ledgers
    providers    image models
    generations  paid requests for pictures, from the charge to the picture or the refund
    webhooks     delivery of webhooks
    books        verification of all accounts
    reports      the weekly report and its anomalies
    api          all HTTPS functions, and their OpenAPI document
    production   builds the dependencies of the deployed functions
"""

# The single source of the version: pyproject.toml and the OpenAPI document read it. Reading a constant, unlike package
# metadata, adds nothing to a cold start.
__version__ = "0.1.0"
