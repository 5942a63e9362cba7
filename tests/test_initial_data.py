"""The initial data: the export in the tree matches its readable source, and the source matches the specification."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded_firebase.exports.folder import read_auth_export, read_export
from embedded_firebase.exports.source import load_source, outdated_files

INITIAL_DATA = Path(__file__).parents[1] / "initial_data"
SOURCE = INITIAL_DATA / "source.json"
ROOT = "projects/demo-imagegen/databases/(default)/documents/"


Documents = dict[str, dict[str, Any]]  # Fields by document path.


def plain(value: Any) -> Any:
    """Return a Firestore value as source.json writes it."""
    match value.WhichOneof("value_type"):
        case "timestamp_value":
            return {"$timestamp": value.timestamp_value.ToJsonString()}
        case kind:
            return getattr(value, kind)


@pytest.fixture(scope="module")
def documents() -> Documents:
    """The documents of the export, as source.json writes them."""
    return {
        document.name.removeprefix(ROOT): {name: plain(value) for name, value in document.fields.items()}
        for document in read_export(INITIAL_DATA)
    }


class TestExport:
    def test_the_export_in_the_tree_is_current(self) -> None:
        """Every file of the export equals, byte for byte, the output of the command on the source."""
        assert outdated_files(load_source(SOURCE), INITIAL_DATA) == []

    def test_reading_it_back_gives_exactly_the_source(self, documents: Documents) -> None:
        """The documents of the export are exactly those of source.json: paths, fields, values and types."""
        source = json.loads(SOURCE.read_text())["documents"]
        assert documents == source
        assert [type(v) for d in documents.values() for _, v in sorted(d.items())] == [
            type(v) for d in source.values() for _, v in sorted(d.items())
        ]

    def test_its_auth_users_are_those_of_the_source(self) -> None:
        """Each Auth account has the id, email, name and password of the source, hashed as the Auth emulator expects."""
        accounts = read_auth_export(INITIAL_DATA)
        source = json.loads(SOURCE.read_text())["users"]
        assert [
            {
                "localId": account["localId"],
                "email": account["email"],
                "displayName": account["displayName"],
                "password": account["passwordHash"].removeprefix(f"fakeHash:salt={account['salt']}:password="),
            }
            for account in accounts
        ] == source

    def test_every_account_of_firestore_can_sign_in(self, documents: Documents) -> None:
        """The ids, emails and names of the Auth accounts are those of the `users` documents."""
        users = {path: (d["email"], d["displayName"]) for path, d in documents.items() if path.startswith("users/")}
        accounts = {f"users/{a['localId']}": (a["email"], a["displayName"]) for a in read_auth_export(INITIAL_DATA)}
        assert accounts == users


class TestAccounts:
    @pytest.mark.parametrize(
        ("user_id", "opening_credits"), [("testUser1", 100), ("testUser2", 10), ("user123", 50), ("emptyUser", 0)]
    )
    def test_an_account_starts_with_its_credits_and_an_empty_ledger(
        self, documents: Documents, user_id: str, opening_credits: int
    ) -> None:
        """Credits equal opening credits, and there is no ledger entry."""
        account = documents[f"users/{user_id}"]
        assert account["credits"] == account["openingCredits"] == opening_credits
        assert account["ledgerCount"] == 0
        assert [path for path in documents if path.startswith(f"users/{user_id}/")] == []
        created_at = datetime.fromisoformat(account["createdAt"]["$timestamp"])
        assert created_at == datetime(2026, 1, 1, tzinfo=UTC)
        assert account["updatedAt"] == account["createdAt"]


class TestCatalog:
    @pytest.mark.parametrize(
        ("collection", "names"),
        [
            ("models", {"model-a": "Model A", "model-b": "Model B"}),
            (
                "styles",
                {
                    "realistic": "realistic",
                    "anime": "anime",
                    "oil-painting": "oil painting",
                    "sketch": "sketch",
                    "cyberpunk": "cyberpunk",
                    "watercolor": "watercolor",
                },
            ),
            ("colors", {name: name for name in ("vibrant", "monochrome", "pastel", "neon", "vintage")}),
            ("sizes", {name: name for name in ("512x512", "1024x1024", "1024x1792")}),
        ],
    )
    def test_a_collection_has_its_entries_and_all_are_enabled(
        self, documents: Documents, collection: str, names: dict[str, str]
    ) -> None:
        """Ids and names are exactly the specified ones."""
        entries = {path.partition("/")[2]: d for path, d in documents.items() if path.startswith(f"{collection}/")}
        assert {entry_id: entry["name"] for entry_id, entry in entries.items()} == names
        assert all(entry["enabled"] is True for entry in entries.values())

    def test_a_models_settings_are_in_a_collection_of_their_own(self, documents: Documents) -> None:
        """Each model names its provider in `modelSettings`, which clients cannot read."""
        settings = {path: fields for path, fields in documents.items() if path.startswith("modelSettings/")}
        assert settings == {f"modelSettings/{name}": {"provider": name} for name in ("model-a", "model-b")}
        for path, fields in documents.items():
            if path.startswith("models/"):
                assert set(fields) == {"name", "enabled"}

    def test_a_size_has_its_price_and_its_pixels(self, documents: Documents) -> None:
        """512x512 costs 1 credit, 1024x1024 costs 3 and 1024x1792 costs 4."""
        sizes = {path: (d["credits"], d["width"], d["height"]) for path, d in documents.items() if "sizes/" in path}
        assert sizes == {
            "sizes/512x512": (1, 512, 512),
            "sizes/1024x1024": (3, 1024, 1024),
            "sizes/1024x1792": (4, 1024, 1792),
        }
