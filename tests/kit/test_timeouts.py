"""A time limit for calls that have none of their own."""

import threading

import pytest

from imagegen.kit import log
from imagegen.kit.timeouts import CallEnded, call_within

pytestmark = pytest.mark.pure


class TestCallWithin:
    def test_returns_the_result(self) -> None:
        """The result of a call in time is returned."""
        assert call_within(5, lambda: 7) == 7

    def test_of_a_process_that_ends(self) -> None:
        """The call's thread has a name for a dump of threads, and does not keep its process alive."""
        thread = call_within(5, threading.current_thread)
        assert (thread.name, thread.daemon) == ("bounded-call", True)

    def test_raises_the_error(self) -> None:
        """An error of the call reaches the caller unchanged."""

        def fail() -> None:
            raise LookupError("nothing here")

        with pytest.raises(LookupError, match="nothing here"):
            call_within(5, fail)

    def test_waits_no_longer_than_the_limit(self) -> None:
        """A call that exceeds the limit is abandoned."""
        release = threading.Event()
        with pytest.raises(TimeoutError):
            call_within(0.01, release.wait)
        release.set()

    @pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_a_system_exit_ends_only_the_call(self, end: type[BaseException]) -> None:
        """A SystemExit in the call does not end the process."""

        def leave() -> None:
            raise end

        with pytest.raises(CallEnded, match=end.__name__):
            call_within(5, leave)

    def test_logs_with_the_callers_context(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Log lines of the call have the caller's context."""
        with log.of_call(requestId="call-7"):
            call_within(5, lambda: log.info("drawn"))
        assert '"requestId": "call-7"' in capsys.readouterr().out
