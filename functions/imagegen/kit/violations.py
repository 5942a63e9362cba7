"""Owns the conversion of pydantic's validation errors into one violation for each invalid field.

Must not know a wire model: an import of all of them would slow down a cold start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegen.kit.errors import Violation

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


def violations_of(model: type[BaseModel], error: ValidationError) -> list[Violation]:
    """Return one violation for each invalid field, in the order of the fields."""
    allowed = {field.alias: field.description for field in model.model_fields.values()}
    faults: dict[str, Violation] = {}
    for fault in error.errors(include_url=False, include_input=False):
        field = str(fault["loc"][0])
        if field not in allowed:
            description = "is not a field of this request"
        elif fault["type"] == "missing":
            description = f"is required: {allowed[field]}"
        else:
            description = f"must be {allowed[field]}"
        faults.setdefault(field, Violation(field, description))
    return list(faults.values())
