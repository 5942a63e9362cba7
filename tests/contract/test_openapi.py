"""The OpenAPI document: served, kept as a file, valid, and complete for the HTTPS functions."""

import json
from typing import Any

import httpx
import openapi_spec_validator
import pytest
from pytest_mock import MockerFixture

from embedded_firebase.functions.discovery import discover
from imagegen import api
from imagegen.api import ENDPOINTS
from imagegen.web import openapi as web_openapi
from imagegen.web.endpoint import Access
from operations import openapi
from tests.answers import violations_of
from tests.hosted import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())


class TestServed:
    def test_is_the_file(self, client: httpx.Client) -> None:
        """The served document is the checked-in file; else run `make openapi`."""
        response = client.get("/openapi")
        assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
        assert response.json() == DOCUMENT

    def test_is_cacheable(self, client: httpx.Client) -> None:
        """It may be cached for a while, and is revalidated by its ETag."""
        first = client.get("/openapi")
        assert first.headers["Cache-Control"] == "public, max-age=300"
        again = client.get("/openapi", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/openapi", headers={"If-None-Match": '"another"'}).status_code == 200

    def test_is_built_once(self, client: httpx.Client, mocker: MockerFixture) -> None:
        """A process builds the document and its ETag at the first call."""
        api._document.cache_clear()
        built = mocker.spy(web_openapi, "document")
        answers = [client.get("/openapi") for _ in range(3)]
        assert built.call_count == 1
        assert len({(answer.content, answer.headers["ETag"]) for answer in answers}) == 1

    def test_takes_no_field(self, client: httpx.Client) -> None:
        """A field is a violation."""
        assert violations_of(client.get("/openapi?x=1")) == {"x": "is not a field of this request"}

    def test_is_public(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """It needs no token, even if callers must sign in."""
        monkeypatch.setenv("REQUIRE_AUTH", "true")
        assert client.get("/openapi").status_code == 200


class TestFile:
    def test_is_checked(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """`make check` fails if the file is not current, and `make openapi` writes it."""
        assert openapi.main(["--check"]) == 0
        monkeypatch.setattr(openapi, "FOLDER", tmp_path)
        assert openapi.main(["--check"]) == 1
        assert openapi.main([]) == 0
        assert openapi.main(["--check"]) == 0
        for name in ("openapi.json", "postman.json"):
            (tmp_path / name).write_text("{}")
            assert openapi.main(["--check"]) == 1
            assert openapi.main([]) == 0


class TestDocument:
    def test_is_openapi(self) -> None:
        """It is valid OpenAPI 3.1."""
        openapi_spec_validator.validate(DOCUMENT, cls=openapi_spec_validator.OpenAPIV31SpecValidator)

    def test_describes_every_https_function(self) -> None:
        """It describes exactly the functions that Firebase discovers with an HTTPS trigger."""
        functions = discover(ROOT / "functions")
        https = [f.name for f in functions if vars(f.call)["__firebase_endpoint__"].httpsTrigger is not None]
        assert list(DOCUMENT["paths"]) == [f"/{name}" for name in https]

    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
    def test_says_who_may_call(self, endpoint: Any) -> None:
        """Each method is described, and requires an ID token unless the function is public."""
        operations = DOCUMENT["paths"][f"/{endpoint.name}"]
        assert set(operations) == {method.lower() for method in endpoint.methods}
        for operation in operations.values():
            assert operation["security"] == ([] if endpoint.access is Access.PUBLIC else [{"idToken": []}])
            assert ("403" in operation["responses"]) is (endpoint.access in (Access.OWNER, Access.ADMIN))
            statuses = {str(error.http_status) for error in endpoint.errors} | {"200", "400", "500", "503"}
            assert statuses <= set(operation["responses"])

    def test_only_cacheable_answers_have_a_304(self) -> None:
        """Exactly the cacheable answers have a 304."""
        kept = {
            p
            for p, operations in DOCUMENT["paths"].items()
            for each in operations.values()
            if "304" in each["responses"]
        }
        assert kept == {"/openapi", "/getCatalog", "/getGenerationStatus"}

    def test_operation_ids_are_unique(self) -> None:
        """Each operation has its own id."""
        ids = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
        assert len(ids) == len(set(ids)) == sum(len(endpoint.methods) for endpoint in ENDPOINTS)

    def test_its_examples_are_valid(self, world: Any, client: httpx.Client) -> None:
        """The requests of its examples pass validation."""
        world.account("testUser1", 5)
        for endpoint in ENDPOINTS:
            if "POST" in endpoint.methods:
                content = DOCUMENT["paths"][f"/{endpoint.name}"]["post"]["requestBody"]["content"]["application/json"]
                headers = {"Idempotency-Key": "key"}
                response = client.post(f"/{endpoint.name}", json=content["example"], headers=headers)
                # The generations and the grant of the examples do not exist, and there is no report.
                is_absent = not content["example"].keys().isdisjoint({"generationRequestId", "transactionId", "week"})
                assert response.status_code == (404 if is_absent else 200)
