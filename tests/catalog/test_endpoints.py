"""getCatalog over HTTP."""

import httpx


class TestCatalog:
    def test_answers_the_catalog(self, client: httpx.Client) -> None:
        """The catalog has names, ids, prices and pixels, and is cacheable."""
        response = client.get("/getCatalog")
        catalog = response.json()
        assert catalog["models"] == [{"id": "model-a", "name": "Model A"}, {"id": "model-b", "name": "Model B"}]
        assert {"id": "1024x1792", "name": "1024x1792", "credits": 4, "width": 1024, "height": 1792} in catalog["sizes"]
        assert response.headers["Cache-Control"] == "public, max-age=30"
        again = client.get("/getCatalog", headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304
