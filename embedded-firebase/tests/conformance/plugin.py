"""Owns which of Google's system tests run, and the record of their results; must not know how they are set up.

A pytest plugin, loaded beside the unchanged tests. They skip themselves when they see an emulator, for three reasons:
a bug of Google's own emulator, a feature that no emulator has, a comparison of a query with its pipeline at the end of
a test. The first run here all the same; the second are left out with a reason; the third have passed all else by then.
"""

import json
import os
from collections import Counter
from pathlib import Path

# Tests that run although Google marks them as skipped, by the reason of the mark.
RUN_ANYWAY = {
    "PartitionQuery not implemented in emulator",
    "Internal Issue b/137867104",
    "Internal Issue b/137865992",
}
# These have the mark of the tests of explain, but do not request an explanation.
NO_EXPLAIN = "_no_explain_options"
VECTOR_SEARCH = "vector search: needs find_nearest, and seed data in a project of Google's"
# Tests that are left out, by the reason of Google's mark.
LEFT_OUT = {
    "Query profile not supported in emulator.": "explain: reports the work of production's own query planner",
    "Require index and seed data": VECTOR_SEARCH,
    "Pipeline query not supported in emulator.": "pipelines: ExecutePipeline, Enterprise edition alone",
    "Temporarily skipped. Not yet in production.": "large documents: 5 MB, which production does not take yet either",
    "backend fix required": "the tests are wrong: they read .value of a list, and are skipped everywhere",
}
BSON = "BSON types: value types of the Enterprise edition alone"
PIPELINE_COMPARISON = "skip pipeline verification on emulator"

_outcomes: dict[str, str] = {}
_left_out: Counter[str] = Counter()
_ran_anyway: list[str] = []
_pipeline_comparisons = 0


def pytest_collection_modifyitems(config, items):
    """Choose the tests that run."""
    chosen = []
    for item in items:
        reason = next((mark.kwargs.get("reason", "") for mark in item.own_markers if mark.name.startswith("skip")), "")
        if item.name.startswith("test_vector_query_"):
            _left_out[VECTOR_SEARCH] += 1
        elif reason in RUN_ANYWAY or NO_EXPLAIN in item.name:
            item.own_markers = [mark for mark in item.own_markers if not mark.name.startswith("skip")]
            _ran_anyway.append(item.name)
            chosen.append(item)
        elif reason in LEFT_OUT:
            _left_out[LEFT_OUT[reason]] += 1
        elif item.name.startswith(("test_bson_", "test_async_bson_")):
            _left_out[BSON] += 1
        else:
            chosen.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_runtest_logreport(report):
    """Record the result of a test: failed if any part of it failed, or if it skipped itself unexpectedly."""
    global _pipeline_comparisons
    test = report.nodeid.rpartition("::")[2]
    if report.skipped and PIPELINE_COMPARISON in str(report.longrepr):
        _pipeline_comparisons += 1
    elif report.failed or report.skipped:
        _outcomes[test] = "failed"
    elif report.when == "call":
        _outcomes.setdefault(test, "passed")


def pytest_sessionfinish():
    """Write the record to the file that the environment names."""
    record = {
        "passed": sorted(test for test, outcome in _outcomes.items() if outcome == "passed"),
        "failed": sorted(test for test, outcome in _outcomes.items() if outcome == "failed"),
        "left_out": dict(_left_out),
        "ran_anyway": sorted(_ran_anyway),
        "pipeline_comparisons": _pipeline_comparisons,
    }
    Path(os.environ["CONFORMANCE_RECORD"]).write_text(json.dumps(record))
