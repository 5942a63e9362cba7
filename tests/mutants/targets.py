"""Owns which tests must kill the mutants of which file. Must not know how mutants are made, nor how tests run."""

from __future__ import annotations

FIRESTORE = "embedded-firebase/src/embedded_firebase/firestore"
_HTTP = [
    "tests/web",
    "tests/contract/test_wire.py",
    "tests/contract/test_bad_input.py",
    "tests/contract/test_identity.py",
    "tests/contract/test_log.py",
]

# File -> the tests that must kill its mutants, those that probably do first. `long` tests do not run.
TARGETS = {
    # Money.
    "functions/imagegen/credits/ledger.py": ["tests/credits"],
    "functions/imagegen/generations/settlement.py": ["tests/generations", "tests/crash/test_cost.py"],
    "functions/imagegen/generations/creation.py": ["tests/generations", "tests/crash/test_cost.py"],
    "functions/imagegen/generations/worker.py": ["tests/generations"],
    "functions/imagegen/generations/limits.py": ["tests/generations/test_limits.py"],
    "functions/imagegen/generations/recovery.py": ["tests/generations/test_recovery.py"],
    "functions/imagegen/generations/outbox.py": ["tests/generations/test_outbox.py", "tests/webhooks"],
    "functions/imagegen/generations/lookup.py": ["tests/generations"],
    # The edge.
    "functions/imagegen/web/serving.py": _HTTP,
    "functions/imagegen/web/triggers.py": ["tests/web", "tests/generations/test_tasks.py", "tests/webhooks"],
    "functions/imagegen/kit/errors.py": [
        "tests/kit",
        "tests/web",
        "tests/generations/test_endpoints.py",
        "tests/contract/test_identity.py",
        "tests/contract/test_openapi.py",
    ],
    "functions/imagegen/kit/idempotency.py": ["tests/kit", "tests/generations/test_creation.py"],
    "functions/imagegen/kit/ids.py": ["tests/kit", "tests/contract/test_bad_input.py"],
    "functions/imagegen/kit/log.py": ["tests/kit", "tests/contract/test_log.py"],
    "functions/imagegen/kit/paging.py": ["tests/kit", "tests/generations/test_lookup.py"],
    "functions/imagegen/kit/rate_limit.py": ["tests/kit", "tests/generations/test_creation.py"],
    "functions/imagegen/kit/schemas.py": [
        "tests/contract/test_openapi.py",
        "tests/contract/test_bad_input.py",
        "tests/generations/test_life_cycle.py",
    ],
    "functions/imagegen/kit/timeouts.py": ["tests/kit"],
    "functions/imagegen/kit/urls.py": ["tests/kit", "tests/webhooks"],
    "functions/imagegen/kit/violations.py": ["tests/kit", "tests/contract/test_bad_input.py"],
    "functions/imagegen/kit/weeks.py": ["tests/kit", "tests/reports/test_service.py"],
    # What a deployment enforces.
    "firestore.rules": ["tests/test_firestore_rules.py"],
    "firestore.indexes.json": [
        "tests/test_firebase_files.py",
        "tests/documents/test_data.py",
        "tests/generations/test_lookup.py",
        "tests/generations/test_recovery.py",
        "tests/reports/test_service.py",
        "tests/webhooks",
    ],
    # The semantics of Firestore.
    **{
        f"{FIRESTORE}/rules/{name}.py": ["tests/firestore/rules"]
        for name in ("evaluator", "matching", "parser", "ruleset", "scopes", "syntax", "tokens")
    },
    f"{FIRESTORE}/query/aggregation.py": ["tests/firestore/test_query.py", "tests/firestore/test_rpcs.py"],
    f"{FIRESTORE}/query/filters.py": ["tests/firestore/test_query.py", "tests/firestore/test_model.py"],
    f"{FIRESTORE}/query/listing.py": [
        "tests/firestore/rules/test_guard.py",
        "tests/firestore/test_rpcs.py",
        "tests/firestore/http/test_rest.py",
    ],
    f"{FIRESTORE}/query/partitions.py": ["tests/firestore/test_partitions.py"],
    f"{FIRESTORE}/query/query.py": [
        "tests/firestore/test_query.py",
        "tests/firestore/test_targets.py",
        "tests/firestore/test_listen.py",
        "tests/firestore/test_model.py",
    ],
    f"{FIRESTORE}/transactions/control.py": [
        "tests/firestore/test_transactions.py",
        "tests/firestore/test_engine.py",
        "tests/firestore/test_locks.py",
    ],
    f"{FIRESTORE}/transactions/engine.py": ["tests/firestore/test_engine.py", "tests/firestore/test_rpcs.py"],
    f"{FIRESTORE}/transactions/locks.py": ["tests/firestore/test_locks.py", "tests/firestore/test_engine.py"],
    f"{FIRESTORE}/transactions/transactions.py": [
        "tests/firestore/test_transactions.py",
        "tests/firestore/test_engine.py",
    ],
    f"{FIRESTORE}/transactions/turns.py": ["tests/firestore/test_turns.py", "tests/firestore/test_engine.py"],
    f"{FIRESTORE}/transactions/writes.py": [
        "tests/firestore/test_writes.py",
        "tests/firestore/test_rpcs.py",
        "tests/firestore/test_model.py",
    ],
    f"{FIRESTORE}/storage/collection_table.py": [
        "tests/firestore/test_storage.py",
        "tests/firestore/test_execution.py",
    ],
    f"{FIRESTORE}/storage/document_table.py": ["tests/firestore/test_storage.py", "tests/firestore/test_execution.py"],
    f"{FIRESTORE}/storage/execution.py": [
        "tests/firestore/test_execution.py",
        "tests/firestore/test_storage.py",
        "tests/firestore/test_query.py",
    ],
    f"{FIRESTORE}/storage/index_table.py": ["tests/firestore/test_execution.py", "tests/firestore/test_indexes.py"],
    f"{FIRESTORE}/storage/recent_changes.py": ["tests/firestore/test_storage.py", "tests/firestore/test_execution.py"],
    f"{FIRESTORE}/storage/storage.py": [
        "tests/firestore/test_storage.py",
        "tests/firestore/test_execution.py",
        "tests/firestore/test_durability.py",
    ],
}
