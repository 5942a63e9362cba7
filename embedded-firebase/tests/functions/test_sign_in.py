"""Signing in as any account of this machine."""

import base64
import json
from typing import Any

import pytest
from werkzeug.test import Client

from embedded_firebase.functions.sign_in import sign_in

SIGN_IN = "/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword"
TOKEN = "/securetoken.googleapis.com/v1/token"
PAGE = {"Origin": "http://localhost:5000"}


@pytest.fixture
def client() -> Client:
    return Client(sign_in("demo", "127.0.0.1"))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


class TestSignIn:
    def test_a_token_names_the_account_and_the_claims(self, client: Client) -> None:
        """The account is the email, and the password names the claims; a token that is renewed has the same."""
        issued: Any = client.post(SIGN_IN, json={"email": "ada", "password": "admin"}).json
        renewed: Any = client.post(
            TOKEN, json={"grant_type": "refresh_token", "refresh_token": issued["refreshToken"]}
        ).json
        for token in (issued["idToken"], renewed["id_token"]):
            claims = claims_of(token)
            assert (claims["sub"], claims["aud"], claims["admin"]) == ("ada", "demo", True)
            assert claims["exp"] - claims["iat"] == 3600
        assert "admin" not in claims_of(client.post(SIGN_IN, json={"email": "ada", "password": ""}).json["idToken"])  # type: ignore[index]

    def test_a_claim_does_not_replace_the_account(self, client: Client) -> None:
        """A claim that has the name of another part of the token is that part all the same."""
        issued: Any = client.post(SIGN_IN, json={"email": "ada", "password": "sub aud"}).json
        assert (claims_of(issued["idToken"])["sub"], claims_of(issued["idToken"])["aud"]) == ("ada", "demo")

    @pytest.mark.parametrize("body", [{}, {"email": "", "password": ""}, {"email": "a" * 129, "password": ""}, [], 1])
    def test_bad_accounts(self, client: Client, body: object) -> None:
        """What names no account is refused as an email that is not valid."""
        assert client.post(SIGN_IN, json=body).status_code == 400

    @pytest.mark.parametrize("token", ["", "x", "[]", '["ada"]', "null", '[1, ["admin"]]'])
    def test_bad_refresh_tokens(self, client: Client, token: str) -> None:
        """A refresh token of another form is refused."""
        assert client.post(TOKEN, json={"refresh_token": token}).status_code == 400

    @pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://localhost.elsewhere.example"])
    def test_pages_of_other_origins_are_refused(self, client: Client, origin: str) -> None:
        """Neither the call nor its preflight is answered to a page from elsewhere."""
        for method in ("POST", "OPTIONS"):
            answer = client.open(
                SIGN_IN, method=method, json={"email": "a", "password": ""}, headers={"Origin": origin}
            )
            assert answer.status_code == 403
            assert "Access-Control-Allow-Origin" not in answer.headers

    def test_pages_of_this_machine_may_sign_in(self, client: Client) -> None:
        """A page on another port of this machine may ask, after a preflight."""
        preflight = client.options(SIGN_IN, headers=PAGE)
        assert preflight.headers["Access-Control-Allow-Headers"] == "content-type"
        assert client.post(SIGN_IN, json={"email": "a", "password": ""}, headers=PAGE).status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == PAGE["Origin"]

    def test_other_paths(self, client: Client) -> None:
        """Other calls of Identity Toolkit are not there."""
        assert client.post("/identitytoolkit.googleapis.com/v1/accounts:signUp", json={}).status_code == 404
