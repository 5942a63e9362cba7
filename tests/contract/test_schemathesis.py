"""Generated requests against the running host: whatever is sent, the answer is one that the OpenAPI document promises.

`positive_data_acceptance` is not asked for: a request of the right form may still name no account and nothing in the
catalog, which no schema can know.
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
from imagegen.reports import service as reports_service
from tests import tokens
from tests.hosted import ROOT
from tests.world import NOON, World

Case = schemathesis.Case[APIOperation[Any, Any, Any, Any]]
# That it is what is served, test_openapi.py proves.
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
# As of the emulator, which asks nobody to sign in.
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
generated = hypothesis.settings(
    # `make fuzz` asks for more.
    max_examples=int(os.environ.get("EXAMPLES", "100")),
    derandomize=True,
    database=None,
    deadline=None,
    # The host and its database serve all requests of a test, which is the point.
    suppress_health_check=list(hypothesis.HealthCheck),
)
pytestmark = pytest.mark.timeout(0 if "EXAMPLES" in os.environ else 60)


# What a wrong request may be refused with: no answer of the business, such as that there is no such account.
REFUSALS = ["400", "401", "403", "405", "413", "415"]
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
opened = schemathesis.openapi.from_dict(OPEN, config=schemathesis.Config.from_dict(CONFIG))
guarded = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))


@pytest.fixture
def sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers must sign in, with tokens of the Auth emulator."""
    monkeypatch.setenv("REQUIRE_AUTH", "true")
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")


@pytest.fixture
def balanced(world: World) -> Iterator[None]:
    """Accounts with ids that the generator draws, and a report; afterwards the books of all accounts balance."""
    for user_id in ("0", "00", "testUser1"):
        world.account(user_id, 1_000_000)
    reports_service.build_weekly_report(world.deps, NOON)
    yield
    pages = list(books_service.walk(world.deps))
    assert [breach for page in pages for breach in page.breaches] == []
    assert sum(page.figures.accounts for page in pages) >= 3


@opened.parametrize()
@generated
def test_answers_are_as_documented(case: Case, balanced: None, client: httpx.Client) -> None:
    """Every answer is one that the document promises, whether the request is right or wrong."""
    response = case.call(base_url=str(client.base_url))
    case.validate_response(response, checks=ANSWERS)


@guarded.parametrize()
@generated
def test_nobody_gets_in_unsigned(case: Case, world: World, balanced: None, sign_in: None, client: httpx.Client) -> None:
    """Where callers must sign in, the same holds, and no call passes without a token or with another."""
    token = tokens.unsigned(tokens.claims(world.db.project, "root", admin=True))
    response = case.call(base_url=str(client.base_url), headers={"Authorization": f"Bearer {token}"})
    # A token that is sent here makes up for one that was left out on purpose; the test above asks for refusals.
    answers = [check for check in ANSWERS if check is not checks.negative_data_rejection]
    case.validate_response(response, checks=[*answers, checks.ignored_auth])
