"""Generated requests against the running host: every answer conforms to the OpenAPI document.

The check `positive_data_acceptance` is off: a valid request may name an account or an option that does not exist, which
no schema can know.
"""

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import APIOperation
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from imagegen.books import service as books_service
from imagegen.kit.weeks import Week
from imagegen.reports import service as reports_service
from tests import tokens
from tests.hosted import ROOT
from tests.world import NOON, World

Case = schemathesis.Case[APIOperation[Any, Any, Any, Any]]
# test_openapi.py proves that this file is the served document.
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
# As in the emulator, where callers need no token.
OPEN = copy.deepcopy(DOCUMENT)
for path in OPEN["paths"].values():
    for operation in path.values():
        operation["security"] = []
ANSWERS = [
    not_a_server_error,
    checks.allow_header_conformance,
    checks.content_type_conformance,
    checks.missing_required_header,
    checks.negative_data_rejection,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
    checks.unsupported_method,
]
# `make test-long` and `make fuzz` set it.
EXAMPLES = os.environ.get("EXAMPLES")
generated = hypothesis.settings(
    max_examples=int(EXAMPLES or "4"),
    derandomize=True,
    database=None,
    deadline=None,
    # The host and its database serve all requests of a test on purpose.
    suppress_health_check=list(hypothesis.HealthCheck),
)
pytestmark = pytest.mark.timeout(0 if EXAMPLES else 60)


# The statuses that may refuse an invalid request: not those of the business, such as 404 for an unknown account.
REFUSALS = ["400", "401", "403", "405", "413", "415"]
CONFIG = {
    "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
    # The cases at the bounds of each field of the document: some thousand.
    "phases": {"coverage": {"enabled": EXAMPLES is not None}},
}
opened = schemathesis.openapi.from_dict(OPEN, config=schemathesis.Config.from_dict(CONFIG))
guarded = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))


@pytest.fixture
def balanced(world: World) -> Iterator[None]:
    """Accounts with ids that the generator draws, and a report; afterwards the books of all accounts balance."""
    for user_id in ("0", "00", "testUser1"):
        world.account(user_id, 1_000_000)
    reports_service.build_weekly_report(world.deps, Week.of(NOON).back(1))
    yield
    pages = list(books_service.walk(world.deps))
    assert [breach for page in pages for breach in page.breaches] == []
    assert sum(page.figures.accounts for page in pages) >= 3


@opened.parametrize()
@generated
def test_answers_are_as_documented(case: Case, balanced: None, client: httpx.Client) -> None:
    """Every answer to a valid or invalid request conforms to the document."""
    response = case.call(base_url=str(client.base_url))
    case.validate_response(response, checks=ANSWERS)


@pytest.mark.long
@guarded.parametrize()
@generated
def test_sign_in_is_enforced(case: Case, world: World, balanced: None, sign_in: None, client: httpx.Client) -> None:
    """With sign-in the same holds, and no call passes without a token or with an invalid one."""
    token = tokens.unsigned(tokens.claims(world.db.project, "root", admin=True))
    response = case.call(base_url=str(client.base_url), headers={"Authorization": f"Bearer {token}"})
    # The token that is sent here replaces one that was left out on purpose; the test above checks such refusals.
    answers = [check for check in ANSWERS if check is not checks.negative_data_rejection]
    case.validate_response(response, checks=[*answers, checks.ignored_auth])
