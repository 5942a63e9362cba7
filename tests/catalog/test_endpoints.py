"""getCatalog over HTTP."""

from collections.abc import Callable
from dataclasses import replace

import httpx

from imagegen.catalog.endpoints import GET_CATALOG
from imagegen.catalog.schemas import CatalogAnswer, GetCatalogRequest
from imagegen.firebase.identity import ANONYMOUS
from imagegen.web.endpoint import Call
from tests.world import World


class TestCatalog:
    def test_answers_the_catalog(self, client: httpx.Client) -> None:
        """The catalog has names, ids, prices and pixels, and is cacheable."""
        response = client.get("/getCatalog")
        catalog = response.json()
        assert catalog["models"] == [
            {"id": "model-a", "name": "Model A", "simulated": True},
            {"id": "model-b", "name": "Model B", "simulated": True},
        ]
        assert {"id": "1024x1792", "name": "1024x1792", "credits": 4, "width": 1024, "height": 1792} in catalog["sizes"]
        assert response.headers["Cache-Control"] == "public, max-age=30"
        again = client.get("/getCatalog", headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304

    def test_only_a_simulated_model_is_called_so(self, make_world: Callable[..., World]) -> None:
        """A model is simulated if its provider is."""
        deps = replace(make_world().deps, simulated_providers={"model-b"})
        call = Call(deps=deps, caller=ANONYMOUS, request=GetCatalogRequest(), started_at=deps.now(), function_url=str)
        answer = GET_CATALOG.respond(call).answer
        assert isinstance(answer, CatalogAnswer)
        assert {model.id: model.simulated for model in answer.models} == {"model-a": False, "model-b": True}
