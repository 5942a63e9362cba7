"""How the settings are read from parameters."""

import pytest

from imagegen import config

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _as_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting and no emulator variable of the shell that runs the tests is visible."""
    for name in (*vars(config), "FUNCTIONS_EMULATOR", "FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"):
        if name.isupper():
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GCLOUD_PROJECT", "demo-config")
    monkeypatch.setenv("FIREBASE_CONFIG", '{"storageBucket": "demo-config.appspot.com"}')
    for name in ("K_CONFIGURATION", "IMAGE_FOLDER"):
        monkeypatch.delenv(name, raising=False)


class TestLoad:
    @pytest.mark.parametrize("value", [None, ""])
    def test_an_unset_parameter_has_its_default(self, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
        """A missing and an empty parameter both mean the default; deployed, callers must sign in."""
        for name in ("MODEL_FAILURE_RATE", "MODEL_ATTEMPTS", "PLACEHOLDER_IMAGES", "RATE_LIMIT_PER_MINUTE"):
            if value is not None:
                monkeypatch.setenv(name, value)
        settings = config.load()
        assert (settings.model_failure_rate, settings.model_attempts) == (0.05, 3)
        assert (settings.placeholder_images, settings.require_auth) == (False, True)

    @pytest.mark.parametrize(
        ("given", "per_minute", "burst", "under_way"),
        [
            ({}, 30, 10, 20),
            ({"FUNCTIONS_EMULATOR": "true"}, 0, 0, 0),
            ({"FUNCTIONS_EMULATOR": "true", "RATE_LIMIT_PER_MINUTE": "60", "MAX_UNDER_WAY": "5"}, 60, 10, 5),
            ({"RATE_LIMIT_PER_MINUTE": "4"}, 4, 4, 20),
            ({"RATE_LIMIT_PER_MINUTE": "40", "RATE_LIMIT_BURST": "0"}, 40, 40, 20),
            ({"RATE_LIMIT_PER_MINUTE": "0", "MAX_UNDER_WAY": "0"}, 0, 0, 0),
        ],
    )
    def test_the_limits_of_an_account(
        self, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], per_minute: int, burst: int, under_way: int
    ) -> None:
        """Deployed, accounts are limited by default; in the emulator only if a limit is set."""
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings = config.load()
        assert (settings.rate_limit_per_minute, settings.rate_limit_burst) == (per_minute, burst)
        assert settings.max_under_way == under_way

    @pytest.mark.parametrize(
        ("name", "allowed"),
        [
            ("MODEL_FAILURE_RATE", ["0", "1", "0.5"]),
            ("MODEL_ATTEMPTS", ["1", "9"]),
            ("RATE_LIMIT_PER_MINUTE", ["0", "1000000"]),
            ("PLACEHOLDER_IMAGES", ["true", "false"]),
            ("REQUIRE_AUTH", ["true", "false"]),
        ],
    )
    def test_takes_an_allowed_value(self, monkeypatch: pytest.MonkeyPatch, name: str, allowed: list[str]) -> None:
        """The bounds themselves are allowed."""
        for value in allowed:
            monkeypatch.setenv(name, value)
            config.load()

    @pytest.mark.parametrize(
        ("name", "value", "allowed"),
        [
            *[("MODEL_FAILURE_RATE", value, "a number from 0 to 1") for value in ("-0.1", "1.1", "nan", "often")],
            *[("MODEL_ATTEMPTS", value, "an integer from 1 to 9") for value in ("0", "10", "-1", "1.0", "\u0661")],
            *[("RATE_LIMIT_BURST", value, "an integer from 0 to 1000000") for value in ("1000001", "many")],
            *[("PLACEHOLDER_IMAGES", value, "true or false") for value in ("0", "1", "2", "True", "yes")],
            ("WEBHOOK_ALLOW_LOOPBACK", "on", "true or false"),
        ],
    )
    def test_refuses_other_values(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str) -> None:
        """The message names the parameter, the given value and the allowed values."""
        monkeypatch.setenv(name, value)
        with pytest.raises(ValueError, match="must be") as refused:
            config.load()
        assert str(refused.value) == f"{name} is {value!r}; it must be {allowed}"

    @pytest.mark.parametrize("name", ["FIRESTORE_EMULATOR_HOST", "FUNCTIONS_EMULATOR", "CLOUD_TASKS_EMULATOR_HOST"])
    def test_refuses_an_emulator_variable_when_deployed(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """With K_CONFIGURATION, which Cloud Run sets, an emulator variable is refused: it would misdirect calls."""
        monkeypatch.setenv("K_CONFIGURATION", "functions")
        monkeypatch.setenv(name, "true")
        with pytest.raises(ValueError, match=name):
            config.load()

    @pytest.mark.parametrize(("name", "value"), [("REQUIRE_AUTH", "false"), ("WEBHOOK_ALLOW_LOOPBACK", "true")])
    def test_refuses_development_when_deployed(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        """Deployed, callers need a token and no webhook goes to loopback; elsewhere both can be set."""
        monkeypatch.setenv(name, value)
        config.load()
        monkeypatch.setenv("K_CONFIGURATION", "functions")
        with pytest.raises(ValueError, match=f"^{name} must not be {value} outside of the emulator$"):
            config.load()

    @pytest.mark.parametrize(("name", "value"), [("REQUIRE_AUTH", "true"), ("WEBHOOK_ALLOW_LOOPBACK", "false")])
    def test_takes_the_safe_value_when_deployed(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        """What a deploy of `functions/.env` sets is accepted; so is the explicit safe value."""
        monkeypatch.setenv("K_CONFIGURATION", "functions")
        assert config.load().require_auth
        monkeypatch.setenv(name, value)
        settings = config.load()
        assert settings.require_auth
        assert not settings.webhook_allow_loopback


class TestImageStore:
    def test_a_deployment_needs_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a bucket each picture would be the same placeholder, so that it must be asked for."""
        monkeypatch.setenv("FIREBASE_CONFIG", "{}")
        with pytest.raises(ValueError, match=r"IMAGE_BUCKET is empty.* PLACEHOLDER_IMAGES"):
            config.load()
        monkeypatch.setenv("PLACEHOLDER_IMAGES", "true")
        assert config.load().placeholder_images
        monkeypatch.setenv("PLACEHOLDER_IMAGES", "false")
        monkeypatch.setenv("IMAGE_BUCKET", "pictures")
        assert (config.load().image_bucket, config.load().placeholder_images) == ("pictures", False)

    def test_the_projects_own(self) -> None:
        """An empty IMAGE_BUCKET means the project's default bucket."""
        assert config.load().image_bucket == "demo-config.appspot.com"

    def test_the_emulator_has_placeholders(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The Firebase CLI's emulators store no pictures; `make dev` stores them in a folder."""
        monkeypatch.setenv("FUNCTIONS_EMULATOR", "true")
        settings = config.load()
        assert (settings.image_bucket, settings.placeholder_images) == (None, True)
        monkeypatch.setenv("IMAGE_FOLDER", "images")
        assert not config.load().placeholder_images
