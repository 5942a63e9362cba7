"""Each requirements.txt holds what its .in file asks for, pinned exactly and with hashes, and is what is installed."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NAMES = ["functions/requirements", "embedded-firebase/requirements", "requirements-dev"]
# As `make requirements` writes it: a pin, perhaps a marker, and the hashes of all files of that version.
PIN = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\]+?))? (?P<hashes>(?:\\\n    --hash=\S+ ?)+)\n"
)


def pins(name: str) -> dict[str, re.Match[str]]:
    """The pins of a requirements.txt, by canonical name; fails if it has anything else."""
    text = (ROOT / f"{name}.txt").read_text()
    lines = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
    assert PIN.sub("", lines).strip() == ""
    return {canonicalize_name(pin["name"]): pin for pin in PIN.finditer(lines)}


def asked(name: str) -> dict[str, str]:
    """The versions in a .in file, by canonical name."""
    lines = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(package): version for package, _, version in (line.partition("==") for line in lines)}


class TestRequirements:
    @pytest.mark.parametrize("name", NAMES)
    def test_has_what_is_asked_for(self, name: str) -> None:
        """Each line of the .in file is a pin of the .txt file; else `make requirements` was forgotten."""
        found = {package: pin["version"] for package, pin in pins(name).items()}
        assert asked(name).items() <= found.items()

    @pytest.mark.parametrize("name", NAMES)
    def test_has_hashes(self, name: str) -> None:
        """Each pin has SHA-256 hashes, so that pip refuses a file that was exchanged."""
        for pin in pins(name).values():
            assert all(
                re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in re.findall(r"--\S+", pin["hashes"])
            )

    def test_agree(self) -> None:
        """A package has the same version and hashes in every file."""
        together: dict[str, set[tuple[str, ...]]] = {}
        for name in NAMES:
            for package, pin in pins(name).items():
                together.setdefault(package, set()).add((pin["version"], *sorted(pin["hashes"].split())))
        assert [package for package, variants in together.items() if len(variants) > 1] == []

    @pytest.mark.parametrize("name", NAMES)
    def test_is_installed(self, name: str) -> None:
        """The tests run on the pinned versions."""
        for package, pin in pins(name).items():
            if pin["marker"] is None or Marker(pin["marker"]).evaluate():
                assert metadata.version(package) == pin["version"]

    def test_no_registry_is_named(self) -> None:
        """The files name no index: pip takes the one that it is set up with."""
        for name in NAMES:
            assert "://" not in (ROOT / f"{name}.txt").read_text()
