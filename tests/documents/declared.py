"""Owns what the documents are compared with: the code, found by its types and not by its place.

Must not know what the documents say. The paths that it depends on are at the top.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from firebase_functions import params

import imagegen

ROOT = Path(__file__).parent.parent.parent
IMAGEGEN = ROOT / "functions" / "imagegen"
EMBEDDED_FIRESTORE = [str(Path(sys.executable).parent / "embedded-firestore")]
# Where the code of this repository is.
FOLDERS = ["functions/imagegen", "operations", "embedded-firebase", "tests"]
# Where a path in ARCHITECTURE.md and CONTRIBUTING.md may begin.
BASES = [ROOT, IMAGEGEN]

OPENAPI: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
HTTPS = sorted(path.removeprefix("/") for path in OPENAPI["paths"])


def modules() -> Iterator[ModuleType]:
    """Every module that is deployed, imported."""
    yield importlib.import_module("main")
    for found in pkgutil.walk_packages(imagegen.__path__, "imagegen."):
        yield importlib.import_module(found.name)


def the_class(name: str) -> Any:
    """The one class of this name."""
    (found,) = {value for module in modules() if isinstance(value := vars(module).get(name), type)}
    return found


def errors() -> set[Any]:
    """All errors that a caller can get."""

    def below(kind: type[Any]) -> set[Any]:
        return {each for child in kind.__subclasses__() for each in {child} | below(child)}

    return {error for error in below(the_class("AppError")) if error.__module__.startswith("imagegen")}


def endpoints() -> dict[str, Any]:
    """What each HTTPS function declares, by name."""
    kind = the_class("Endpoint")
    found = [value for module in modules() for value in vars(module).values() if isinstance(value, kind)]
    return {endpoint.name: endpoint for endpoint in found}


def deployed() -> set[str]:
    """The functions that Firebase discovers in main.py."""
    main = importlib.import_module("main")
    return {name for name, value in vars(main).items() if hasattr(value, "__firebase_endpoint__")}


def parameters() -> dict[str, Any]:
    """The parameters that Firebase collects, by name, with their defaults; None for a secret."""
    kinds = (params.Param, params.SecretParam)
    found = [value for module in modules() for value in vars(module).values() if isinstance(value, kinds)]
    return {each.name: getattr(each, "default", None) for each in found}
