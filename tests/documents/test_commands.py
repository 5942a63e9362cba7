"""Every command in the documents runs and prints the answer below it, or has a reason why no test can run it."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.documents.declared import EMBEDDED_FIRESTORE, ROOT, deployed
from tests.documents.markdown import API, DOCUMENTS, blocks, other_commands, speaks_http, text_of
from tests.running_dev import Dev, free_port

pytestmark = pytest.mark.timeout(90)

# Commands that no test can run, and why.
NOT_RUN = {
    "make dev": "every test of TestCommands runs it, by the module that the target names",
    "make test": "it would run this test again",
    "make check": "it would run this test again",
    "functions/venv/bin/pre-commit install": "it would write into .git",
    "firebase emulators:start --import=./initial_data": "needs Java 21; tests/cli imports into the Auth emulator",
    "FIRESTORE_EMULATOR_HOST=127.0.0.1:8080 firebase emulators:start --only functions --project demo-imagegen": (
        "tests/cli runs it wherever the CLI is"
    ),
    "FIRESTORE_EMULATOR_HOST=127.0.0.1:8080 firebase emulators:start --only functions,auth --import=./initial_data": (
        "tests/cli runs it wherever the CLI is"
    ),
    "npm install firebase-tools@15.34.2": "a download of 200 MB",
    "firebase functions:secrets:set WEBHOOK_SECRET --project your-project": "needs a Google account",
    "firebase deploy --project your-project": "needs a Google account",
}


def masked(text: str) -> Any:
    """An answer without what differs between runs: ids, addresses, weeks, tokens and times."""
    text = re.sub(r"[0-9a-f]{32}", "ID", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"\d{4}-W\d\d", "WEEK", text)
    text = re.sub(r'("nextPageToken": ?)"[^"]+"', r'\1"TOKEN"', text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text))


@pytest.mark.embedded
class TestCommands:
    def test_the_api_commands_print_their_answers(self, answered: tuple[Dev, list[str]]) -> None:
        """The commands of docs/api.md, pasted in order, print the JSON below each."""
        printed = answered[1]
        wanted = [answer for _, answer in blocks("docs/api.md")]
        assert sum(map(bool, wanted)) >= len(deployed())
        for (command, answer), got in zip(blocks("docs/api.md"), printed, strict=True):
            if answer:
                assert masked(got) == masked(answer), command
            else:
                assert got == "", command

    def test_the_readme_commands_print_their_answers(self, run: Callable[..., Dev]) -> None:
        """The README's commands, on a fresh start, print the JSON below each."""
        pairs = [pair for pair in blocks("README.md") if speaks_http(pair[0])]
        assert pairs
        for got, (command, answer) in zip(run().paste(*(block for block, _ in pairs)), pairs, strict=True):
            assert masked(got) == masked(answer), command

    def test_make_dev_prints_the_readmes_command(self, answered: tuple[Dev, list[str]]) -> None:
        """The welcome of `make dev` has the README's curl line."""
        dev, _ = answered
        command = next(block for block, _ in blocks("README.md") if speaks_http(block))
        command = command.replace(":5001/", f":{dev.functions_port}/")
        assert " ".join(command.split()) in " ".join(dev.welcome.split())

    def test_a_failing_model_answers_the_documented_error(self, run: Callable[..., Dev]) -> None:
        """With a failure rate of 1 the answer is the error in docs/api.md, and the ledger has the refund."""
        said = next(block for block in re.findall(r"```json\n([^`]*)```", API) if "GENERATION_FAILED" in block)
        dev = run(MODEL_FAILURE_RATE="1")
        url, create = [block for block, _ in blocks("docs/api.md")][:2]
        assert masked(dev.paste(url, create)[1]) == masked(said)
        ledger = httpx.get(f"{dev.functions_url}/getUserCredits?userId=testUser1", trust_env=False).json()
        assert ledger["currentCredits"] == 100
        assert [entry["type"] for entry in ledger["transactions"]] == ["refund", "deduction"]

    def test_they_work_without_curl(self, answered: tuple[Dev, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        """The tests need no curl: where there is none, they ask the same by themselves."""
        pairs = [pair for pair in blocks("README.md") if speaks_http(pair[0])]
        dev, _ = answered
        monkeypatch.setattr("shutil.which", lambda name: None)
        for got, (command, answer) in zip(dev.paste(*(block for block, _ in pairs)), pairs, strict=True):
            assert masked(got) == masked(answer), command

    @pytest.mark.long  # tests/operations fills a history in the ordinary run.
    def test_the_operators_commands_print(self, run: Callable[..., Dev]) -> None:
        """History, report and verify, in this order, find the planted anomaly and no breach."""
        (block,) = [block for block, _ in blocks("docs/operations.md") if block.startswith("make history")]
        (printed,) = run().paste(block)
        assert "were found" in printed
        assert "ANOMALIES" in printed
        assert re.search(r"^breaches +0$", printed, re.MULTILINE)

    def test_the_embedded_firestore_starts(self) -> None:
        """The command that starts Firestore without the functions prints that it is ready."""
        (command,) = [command for command in other_commands() if "embedded-firestore" in command]
        _, *arguments = shlex.split(command.replace("8080", str(free_port())))
        process = subprocess.Popen([*EMBEDDED_FIRESTORE, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        try:
            assert "Firestore ready on" in process.stdout.readline()
        finally:
            process.terminate()
            process.communicate(timeout=20)


RUN_ABOVE = ("make history", "make report", "make verify", "functions/venv/bin/embedded-firestore")


class TestEveryCommand:
    def test_runs_or_has_a_reason(self) -> None:
        """A command that is not run above is in NOT_RUN with a reason; the tests that one names exist."""
        absent = []
        for command in other_commands():
            _, pytest_runs, folders = command.partition("functions/venv/bin/python -m pytest ")
            if pytest_runs:
                # Running it is for the whole suite.
                (folder,) = (word for word in shlex.split(folders) if word != "-q")
                absent += [] if list((ROOT / folder).glob("test_*.py")) else [command]
            elif not command.startswith(RUN_ABOVE) and command not in NOT_RUN:
                absent.append(command)
        assert absent == []

    def test_no_reason_is_stale(self) -> None:
        """Every command in NOT_RUN is in a document."""
        assert set(NOT_RUN) <= set(other_commands())

    def test_every_make_target_exists(self) -> None:
        """Where a document says `make something`, the Makefile has that target."""
        targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
        said = r"(?:^|`|[A-Z_]=\S+ )make ([a-z][a-z-]*)"
        unknown = {name: set(re.findall(said, text_of(name), re.MULTILINE)) - targets for name in DOCUMENTS}
        assert {name: names for name, names in unknown.items() if names} == {}
