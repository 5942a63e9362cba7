"""Authentication and authorization: ID tokens of the Auth emulator and of Google, and App Check."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture

from imagegen import config, production
from tests import tokens
from tests.answers import error_of
from tests.identity_toolkit import IdentityToolkit
from tests.world import World

CALLS = [
    ("POST", "/createGenerationRequest"),
    ("GET", "/getUserCredits?userId=ada"),
    ("GET", "/getWeeklyReport"),
    ("GET", "/listWeeklyReports"),
]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def accounts(world: World) -> None:
    world.account("ada", 5)
    world.account("bob", 5)


@pytest.fixture
def guarded(accounts: None, sign_in: None, request: pytest.FixtureRequest) -> httpx.Client:
    """A host whose callers must sign in with tokens of the Auth emulator."""
    client: httpx.Client = request.getfixturevalue("client")
    return client


@pytest.fixture
def signer(mocker: MockerFixture) -> Iterator[tokens.Signer]:
    """Google's keys, which tests cannot reach: firebase-admin fetches these from a local address instead."""
    signer = tokens.Signer()
    mocker.patch("firebase_admin._token_gen.ID_TOKEN_CERT_URI", f"{signer.url}/certificates")
    mocker.patch("firebase_admin.app_check._AppCheckService._JWKS_URL", f"{signer.url}/jwks")
    yield signer
    signer.stop()


@pytest.fixture
def deployed(
    accounts: None, signer: tokens.Signer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> httpx.Client:
    """A host that is no emulator, with nothing set: tokens must be signed."""
    client: httpx.Client = request.getfixturevalue("client")
    monkeypatch.delenv("FUNCTIONS_EMULATOR")
    monkeypatch.setenv("IMAGE_BUCKET", "pictures")
    # The settings of the emulator may have been read already; those of this host have to be read now.
    with production._building:
        production._built.cache_clear()
    return client


class TestEmulator:
    def test_sign_in_is_off(self, client: httpx.Client, accounts: None) -> None:
        """In the emulator callers need no token, and a token is not verified."""
        assert client.get("/getUserCredits?userId=ada", headers=bearer("nonsense")).status_code == 200
        assert client.get("/listWeeklyReports").status_code == 200


class TestSignIn:
    @pytest.mark.parametrize(("method", "url"), CALLS)
    def test_without_a_token(self, guarded: httpx.Client, method: str, url: str) -> None:
        """Without a token each function is a 401, before the request is validated."""
        response = guarded.request(method, url)
        assert response.status_code == 401
        assert error_of(response)["reason"] == "UNAUTHENTICATED"
        assert response.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "authorization",
        ["", "Bearer", "Bearer a.b.c", "Basic YWRhOmFkYQ==", "Bearer bnVsbA.bnVsbA.", "Bearer W10.W10.", "x"],
    )
    def test_an_invalid_token(self, guarded: httpx.Client, authorization: str) -> None:
        """An invalid token is a 401 that does not say why."""
        response = guarded.get("/getUserCredits?userId=ada", headers={"Authorization": authorization})
        assert response.status_code == 401
        assert "ID token" in response.json()["error"]["message"]

    def test_own_account(self, guarded: httpx.Client, world: World) -> None:
        """An account may read and charge itself."""
        headers = bearer(tokens.unsigned(tokens.claims(world.db.project, "ada")))
        assert guarded.get("/getUserCredits?userId=ada", headers=headers).json()["currentCredits"] == 5
        created = guarded.post("/createGenerationRequest", json=world.body("ada"), headers=headers)
        assert created.status_code == 200
        assert world.credits("ada") == 4

    def test_another_account(self, guarded: httpx.Client, world: World) -> None:
        """Using another account is a 403, and nothing is charged."""
        headers = bearer(tokens.unsigned(tokens.claims(world.db.project, "ada")))
        for response in (
            guarded.get("/getUserCredits?userId=bob", headers=headers),
            guarded.get("/getUserCredits?userId=nobody", headers=headers),
            guarded.post("/createGenerationRequest", json=world.body("bob"), headers=headers),
        ):
            assert response.status_code == 403
            assert error_of(response)["reason"] == "PERMISSION_DENIED"
        assert world.credits("bob") == 5

    def test_reports_are_the_administrators(self, guarded: httpx.Client, world: World) -> None:
        """Reports are a 403 for accounts and open to the claim `admin`."""
        project = world.db.project
        ada = bearer(tokens.unsigned(tokens.claims(project, "ada")))
        admin = bearer(tokens.unsigned(tokens.claims(project, "root", admin=True)))
        assert guarded.get("/listWeeklyReports", headers=ada).status_code == 403
        assert guarded.get("/listWeeklyReports", headers=admin).json() == {"reports": []}

    def test_administrators_act_for_any_account(self, guarded: httpx.Client, world: World) -> None:
        """The claim `admin` may use any account."""
        admin = bearer(tokens.unsigned(tokens.claims(world.db.project, "root", admin=True)))
        assert guarded.post("/createGenerationRequest", json=world.body("bob"), headers=admin).status_code == 200

    def test_a_charge_keeps_who_acts_for_its_account(self, guarded: httpx.Client, world: World) -> None:
        """The entry of a charge has the uid of an administrator who acts for the account, and none of its owner."""
        for uid in ("root", "bob"):
            token = tokens.unsigned(tokens.claims(world.db.project, uid, admin=True))
            guarded.post("/createGenerationRequest", json=world.body("bob"), headers=bearer(token))
        assert [entry.get("administratorUid", "absent") for entry in world.ledger("bob")] == ["root", "absent"]

    def test_a_grant_keeps_its_administrator(self, guarded: httpx.Client, world: World) -> None:
        """The ledger entry of a grant has the administrator's uid, which getUserCredits does not show."""
        admin = bearer(tokens.unsigned(tokens.claims(world.db.project, "root", admin=True)))
        granted = guarded.post(
            "/grantCredits", json={"userId": "ada", "credits": 3}, headers=admin | {"Idempotency-Key": "order-7"}
        )
        assert granted.status_code == 200
        assert [entry["administratorUid"] for entry in world.ledger("ada")] == ["root"]
        assert "root" not in guarded.get("/getUserCredits?userId=ada", headers=admin).text

    @pytest.mark.parametrize("claim", ["true", 1, None, [True]])
    def test_only_true_makes_an_administrator(self, guarded: httpx.Client, world: World, claim: Any) -> None:
        """Only `admin: true` makes an administrator; other truthy values do not."""
        headers = bearer(tokens.unsigned(tokens.claims(world.db.project, "root", admin=claim)))
        assert guarded.get("/listWeeklyReports", headers=headers).status_code == 403

    def test_a_browser_can_read_the_refusal(self, guarded: httpx.Client) -> None:
        """A page of another origin may send a token and read why it was refused (CORS)."""
        preflight = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "GET"}
        preflight["Access-Control-Request-Headers"] = "authorization, x-firebase-appcheck"
        allowed = guarded.options("/getUserCredits", headers=preflight).headers["Access-Control-Allow-Headers"]
        assert "authorization" in allowed
        refused = guarded.get("/getUserCredits?userId=ada", headers={"Origin": "https://shop.example.com"})
        assert refused.headers["Access-Control-Allow-Origin"] in {"*", "https://shop.example.com"}


class TestAdministrators:
    """An administrator's account is looked up for each of its calls."""

    @pytest.fixture
    def admin(self, world: World) -> dict[str, str]:
        return bearer(tokens.unsigned(tokens.claims(world.db.project, "root", admin=True)))

    @pytest.mark.parametrize("account", [{"disabled": True}, {"validSince": "4000000000"}, None], ids=str)
    def test_a_revoked_token(
        self,
        guarded: httpx.Client,
        world: World,
        identity_toolkit: IdentityToolkit,
        admin: dict[str, str],
        account: dict[str, Any] | None,
    ) -> None:
        """A revoked token, and that of a disabled or deleted account, is a 401, also for its own account."""
        world.account("root", 5)
        assert guarded.get("/listWeeklyReports", headers=admin).status_code == 200
        identity_toolkit.accounts["root"] = account
        for url in ("/listWeeklyReports", "/getUserCredits?userId=root"):
            response = guarded.get(url, headers=admin)
            assert response.status_code == 401
            assert "revoked" in response.json()["error"]["message"]
        body = {"userId": "ada", "credits": 3}
        assert guarded.post("/grantCredits", json=body, headers=admin | {"Idempotency-Key": "k"}).status_code == 401
        assert world.credits("ada") == 5

    def test_a_token_of_after_the_revocation(
        self, guarded: httpx.Client, identity_toolkit: IdentityToolkit, admin: dict[str, str]
    ) -> None:
        """A token that was issued after the last revocation is valid."""
        identity_toolkit.accounts["root"] = {"validSince": "1700000000", "disabled": False}
        assert guarded.get("/listWeeklyReports", headers=admin).status_code == 200

    def test_others_are_not_looked_up(
        self, guarded: httpx.Client, world: World, identity_toolkit: IdentityToolkit
    ) -> None:
        """A call without the claim costs no look-up; neither does a token that is not valid."""
        for token in (
            tokens.unsigned(tokens.claims(world.db.project, "ada")),
            tokens.unsigned(tokens.claims("another", "ada", admin=True)),
        ):
            guarded.get("/getUserCredits?userId=ada", headers=bearer(token))
        assert identity_toolkit.lookups == []

    @pytest.mark.parametrize("refusal", [400, 403])
    def test_a_refused_look_up(
        self,
        guarded: httpx.Client,
        identity_toolkit: IdentityToolkit,
        admin: dict[str, str],
        refusal: int,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """If the account cannot be looked up, as without the role, the answer is a 503, and a line names the error."""
        identity_toolkit.refusal = refusal
        response = guarded.get("/listWeeklyReports", headers=admin)
        assert response.status_code == 503
        assert "Retry-After" in response.headers
        logged = capsys.readouterr()
        assert "could not be checked for revocation" in logged.err
        assert admin["Authorization"].removeprefix("Bearer ") not in logged.out + logged.err

    def test_no_answer(
        self,
        guarded: httpx.Client,
        identity_toolkit: IdentityToolkit,
        admin: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A look-up without an answer ends in a 503 at its own limit, before that of its requests (5 seconds)."""
        settings = replace(config.load(), identity_time_limit_seconds=0.2)
        monkeypatch.setattr(config, "load", lambda: settings)
        identity_toolkit.answers.clear()
        response = guarded.get("/listWeeklyReports", headers=admin)
        assert response.status_code == 503
        assert response.elapsed < timedelta(seconds=4)

    def test_nothing_listens(
        self, guarded: httpx.Client, identity_toolkit: IdentityToolkit, admin: dict[str, str]
    ) -> None:
        """If Firebase Auth is away the answer is a 503, and the administrator is not let in."""
        identity_toolkit.stop()
        assert guarded.get("/listWeeklyReports", headers=admin).status_code == 503


class TestTenants:
    @pytest.mark.parametrize("admin", [True, False])
    def test_a_tenants_token(
        self, guarded: httpx.Client, world: World, identity_toolkit: IdentityToolkit, admin: bool
    ) -> None:
        """A token of a tenant is a 401: the uids of tenants are their own, and could be another account's here."""
        of_tenant = {"sign_in_provider": "password", "tenant": "shop-1"}
        claims = tokens.claims(world.db.project, "ada", admin=admin, firebase=of_tenant)
        assert guarded.get("/getUserCredits?userId=ada", headers=bearer(tokens.unsigned(claims))).status_code == 401
        assert identity_toolkit.lookups == []

    @pytest.mark.parametrize("firebase", [{"sign_in_provider": "password", "identities": {}}, {}])
    def test_a_token_of_the_project(self, guarded: httpx.Client, world: World, firebase: dict[str, Any]) -> None:
        """The `firebase` claim of the project's own accounts has no tenant."""
        claims = tokens.claims(world.db.project, "ada", firebase=firebase)
        assert guarded.get("/getUserCredits?userId=ada", headers=bearer(tokens.unsigned(claims))).status_code == 200

    @pytest.mark.parametrize("firebase", ["shop-1", 7, ["tenant"], None])
    def test_an_odd_claim(self, guarded: httpx.Client, world: World, firebase: object) -> None:
        """A `firebase` claim of another form than Google's is refused (fail closed)."""
        claims = tokens.claims(world.db.project, "ada", firebase=firebase)
        assert guarded.get("/getUserCredits?userId=ada", headers=bearer(tokens.unsigned(claims))).status_code == 401


class TestDeployed:
    def test_a_signed_token(self, deployed: httpx.Client, world: World, signer: tokens.Signer) -> None:
        """Outside of the emulator, functions require a token signed by Google."""
        token = signer.sign(tokens.claims(world.db.project, "ada"))
        assert deployed.get("/getUserCredits?userId=ada").status_code == 401
        assert deployed.get("/getUserCredits?userId=ada", headers=bearer(token)).status_code == 200
        assert deployed.get("/getUserCredits?userId=bob", headers=bearer(token)).status_code == 403

    @pytest.mark.parametrize(
        "changed",
        [
            {"exp": 1_700_000_000},
            {"aud": "another"},
            {"iss": "https://securetoken.google.com/another"},
            {"sub": ""},
            {"sub": None},
            {"iat": 4_000_000_000, "exp": 4_000_003_600},
        ],
        ids=str,
    )
    def test_a_token_with_wrong_claims(
        self, deployed: httpx.Client, world: World, signer: tokens.Signer, changed: dict[str, Any]
    ) -> None:
        """A token that is expired, not yet valid, of another project or without a subject is refused."""
        claims = {name: value for name, value in (tokens.claims(world.db.project, "ada") | changed).items() if value}
        response = deployed.get("/getUserCredits?userId=ada", headers=bearer(signer.sign(claims)))
        assert response.status_code == 401

    def test_forged_tokens(self, deployed: httpx.Client, world: World, signer: tokens.Signer) -> None:
        """A token that is unsigned, or signed with another key or algorithm, is refused."""
        claims = tokens.claims(world.db.project, "ada", admin=True)
        other = tokens.Signer()
        other.stop()
        secret = "the public key is no secret to sign with"
        for token in (tokens.unsigned(claims), other.sign(claims), signer.sign(claims, algorithm="HS256", key=secret)):
            assert deployed.get("/getUserCredits?userId=ada", headers=bearer(token)).status_code == 401

    def test_an_administrator(
        self,
        deployed: httpx.Client,
        world: World,
        signer: tokens.Signer,
        identity_toolkit: IdentityToolkit,
        service_account: None,
        monkeypatch: pytest.MonkeyPatch,
        mocker: MockerFixture,
    ) -> None:
        """Administrators are looked up with the functions' own credentials; without any, theirs are the only 503s."""
        root = bearer(signer.sign(tokens.claims(world.db.project, "root", admin=True)))
        ada = bearer(signer.sign(tokens.claims(world.db.project, "ada")))
        mocker.patch("firebase_admin._user_mgt.UserManager.ID_TOOLKIT_URL", f"{identity_toolkit.url}/v1")
        with monkeypatch.context() as without:
            without.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/missing.json")
            assert deployed.get("/getUserCredits?userId=ada", headers=ada).status_code == 200
            assert deployed.get("/listWeeklyReports", headers=root).status_code == 503
        assert deployed.get("/listWeeklyReports", headers=root).status_code == 200
        assert identity_toolkit.lookups == [("root", "Bearer of-the-functions")]
        identity_toolkit.accounts["root"] = {"disabled": True}
        assert deployed.get("/listWeeklyReports", headers=root).status_code == 401

    def test_keys_that_cannot_be_fetched(self, deployed: httpx.Client, world: World, signer: tokens.Signer) -> None:
        """If Google's keys cannot be fetched the answer is a 503, and the caller is not let in."""
        token = signer.sign(tokens.claims(world.db.project, "ada"))
        signer.stop()
        response = deployed.get("/getUserCredits?userId=ada", headers=bearer(token))
        assert response.status_code == 503
        assert "Retry-After" in response.headers

    def test_auth_emulator_variable_is_refused(self, deployed: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its variable would make firebase-admin accept unsigned tokens, so every call is a 500."""
        token = tokens.unsigned(tokens.claims(config.project_id() or "", "ada"))
        with monkeypatch.context() as emulated:
            emulated.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")
            assert deployed.get("/getUserCredits?userId=ada", headers=bearer(token)).status_code == 500
        assert deployed.get("/getUserCredits?userId=ada", headers=bearer(token)).status_code == 401


class TestAppCheck:
    @pytest.fixture
    def attested(
        self, monkeypatch: pytest.MonkeyPatch, accounts: None, signer: tokens.Signer, request: pytest.FixtureRequest
    ) -> httpx.Client:
        monkeypatch.setenv("REQUIRE_APP_CHECK", "true")
        client: httpx.Client = request.getfixturevalue("client")
        return client

    def claims(self, project: str) -> dict[str, Any]:
        issuer = "https://firebaseappcheck.googleapis.com/123"
        return tokens.claims(project, "1:123:web:abc", aud=[f"projects/{project}"], iss=issuer)

    def test_an_attested_app(self, attested: httpx.Client, world: World, signer: tokens.Signer) -> None:
        """With App Check a call needs a token of an app of the project."""
        token = signer.sign(self.claims(world.db.project))
        url = "/getUserCredits?userId=ada"
        assert attested.get(url, headers={"X-Firebase-AppCheck": token}).status_code == 200
        for forged in (None, "", "nonsense", signer.sign(self.claims("another")), tokens.unsigned({})):
            response = attested.get(url, headers={} if forged is None else {"X-Firebase-AppCheck": forged})
            assert response.status_code == 401
            assert "App Check" in response.json()["error"]["message"]

    def test_keys_that_cannot_be_fetched(self, attested: httpx.Client, world: World, signer: tokens.Signer) -> None:
        """If the keys of App Check cannot be fetched the answer is a 503, and the caller is not let in."""
        token = signer.sign(self.claims(world.db.project))
        signer.stop()
        response = attested.get("/getUserCredits?userId=ada", headers={"X-Firebase-AppCheck": token})
        assert response.status_code == 503


class TestSettings:
    @pytest.fixture(autouse=True)
    def _with_a_bucket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The one setting without a default, which only the emulator can do without."""
        monkeypatch.setenv("IMAGE_BUCKET", "pictures")

    @pytest.mark.parametrize(
        ("given", "emulator", "required"),
        [
            ("", "true", False),
            ("", None, True),
            ("", "1", True),
            ("true", "true", True),
            ("false", None, False),
            (None, None, True),
        ],
    )
    def test_sign_in_is_on_by_default(
        self, monkeypatch: pytest.MonkeyPatch, given: str | None, emulator: str | None, required: bool
    ) -> None:
        """Sign-in is required everywhere but in the emulator, unless REQUIRE_AUTH is set."""
        for name, value in (("REQUIRE_AUTH", given), ("FUNCTIONS_EMULATOR", emulator)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        assert config.load().require_auth is required

    @pytest.mark.parametrize("name", ["FUNCTIONS_EMULATOR", "FIREBASE_AUTH_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"])
    def test_no_emulator_where_it_is_deployed(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """Emulator variables would open deployed functions to the public, so Cloud Run's environment refuses them."""
        for emulated in ("FUNCTIONS_EMULATOR", "FIRESTORE_EMULATOR_HOST", "CLOUD_TASKS_EMULATOR_HOST"):
            monkeypatch.delenv(emulated, raising=False)
        monkeypatch.setenv("K_CONFIGURATION", "creategenerationrequest")
        assert config.load().require_auth
        monkeypatch.setenv(name, "true")
        with pytest.raises(ValueError, match=name):
            config.load()

    @pytest.mark.parametrize("name", ["REQUIRE_AUTH", "REQUIRE_APP_CHECK"])
    def test_invalid_values(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """A value other than true and false stops the functions and is named."""
        monkeypatch.setenv(name, "yes")
        with pytest.raises(ValueError, match=f"{name} is 'yes'; it must be true or false"):
            config.load()
