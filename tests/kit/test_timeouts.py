"""Waiting no longer than a limit for what has none of its own."""

import threading

import pytest

from imagegen.kit import log
from imagegen.kit.timeouts import CallEnded, call_within

pytestmark = pytest.mark.pure


class TestCallWithin:
    def test_returns_what_is_returned(self) -> None:
        """What comes in time is handed on."""
        assert call_within(5, lambda: 7) == 7

    def test_raises_what_is_raised(self) -> None:
        """An error reaches the caller as it is."""

        def fail() -> None:
            raise LookupError("nothing here")

        with pytest.raises(LookupError, match="nothing here"):
            call_within(5, fail)

    def test_waits_no_longer_than_the_limit(self) -> None:
        """What does not come is given up."""
        release = threading.Event()
        with pytest.raises(TimeoutError):
            call_within(0.01, release.wait)
        release.set()

    @pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_an_exit_is_its_own(self, end: type[BaseException]) -> None:
        """A call that wants to end the process ends alone."""

        def leave() -> None:
            raise end

        with pytest.raises(CallEnded, match=end.__name__):
            call_within(5, leave)

    def test_logs_as_its_caller(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What is logged meanwhile belongs to the same call."""
        with log.of_call(requestId="call-7"):
            call_within(5, lambda: log.info("drawn"))
        assert '"requestId": "call-7"' in capsys.readouterr().out
