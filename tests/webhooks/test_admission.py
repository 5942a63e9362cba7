"""Which deliveries may begin: the share of an account, and the circuit breaker of a host."""

from datetime import datetime, timedelta

import pytest

from imagegen.webhooks.admission import SLOTS, Deferred, admit, answered, failed, half_opened, host_of, open_until
from imagegen.webhooks.records import Breaker, WebhookAccount
from tests.world import NOON

pytestmark = pytest.mark.pure
HOST = "shop.example.com"
NEW = WebhookAccount(user_id="ada")
SLOW = WebhookAccount(user_id="ada", slow_until=NOON + timedelta(days=1))


def after(**delta: float) -> datetime:
    return NOON + timedelta(**delta)


def with_failures(count: int, at: datetime = NOON) -> WebhookAccount:
    """An account whose host failed so often in a row, each time as soon as it was called."""
    account = NEW
    for _ in range(count):
        account = failed(account, HOST, "g", at)
        at = open_until(account, HOST, at) or at
    return account


class TestHost:
    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("https://Shop.Example.com/hook?x=1", "shop.example.com"),
            ("http://127.0.0.1:3000/", "127.0.0.1:3000"),
            ("https://[::1]:8443/", "[::1]:8443"),
            ("https://" + "x" * 2000, "x" * 260),
        ],
    )
    def test_of_a_url(self, url: str, host: str) -> None:
        """The host of a URL is its name in lower case, with its port, of bounded length."""
        assert host_of(url) == host


class TestSlots:
    def test_a_prompt_account_needs_none(self) -> None:
        """An account that was not slow in the last day is admitted without a change."""
        assert admit(NEW, HOST, "g", NOON) is NEW
        assert admit(SLOW, HOST, "g", after(days=1)) is SLOW

    def test_are_leased(self) -> None:
        """A slot is leased for thirty seconds, and free again when it expires or its delivery ends."""
        account = SLOW
        for number in range(SLOTS):
            account = admit(account, HOST, f"g{number}", NOON)
        assert account.slots == {f"g{number}": after(seconds=30) for number in range(SLOTS)}
        with pytest.raises(Deferred) as deferred:
            admit(account, HOST, "more", after(seconds=29))
        assert deferred.value.until is None
        assert set(admit(account, HOST, "more", after(seconds=30)).slots) == {"more"}
        assert "more" in admit(answered(account, HOST, "g0"), HOST, "more", NOON).slots
        assert "more" in admit(failed(account, HOST, "g0", NOON), HOST, "more", NOON).slots

    def test_a_redelivery_takes_its_own_slot(self) -> None:
        """A delivery whose process died takes the slot that it still holds."""
        account = SLOW
        for number in range(SLOTS):
            account = admit(account, HOST, f"g{number}", NOON)
        assert admit(account, HOST, "g0", after(seconds=5)).slots["g0"] == after(seconds=35)

    def test_are_fewer_than_the_queue_delivers_at_once(self) -> None:
        """An account cannot take more than an eighth of the queue."""
        assert SLOTS * 8 == 32


class TestBreaker:
    def test_opens_at_the_fifth_failure(self) -> None:
        """Four failures in a row are tolerated; the fifth opens the breaker for a minute."""
        assert admit(with_failures(4), HOST, "other", NOON) == with_failures(4)
        broken = with_failures(5)
        assert open_until(broken, HOST, NOON) == after(minutes=1)
        with pytest.raises(Deferred) as deferred:
            admit(broken, HOST, "other", after(seconds=59))
        assert deferred.value.until == after(minutes=1)

    def test_a_success_closes_it(self) -> None:
        """Failures count in a row only."""
        account = answered(with_failures(4), HOST, "g")
        assert account == NEW
        assert open_until(failed(account, HOST, "g", NOON), HOST, NOON) is None

    def test_one_delivery_probes(self) -> None:
        """When the minute is over one delivery probes the host, and the others wait; the probe may be repeated."""
        probing = admit(with_failures(5), HOST, "probe", after(minutes=1))
        with pytest.raises(Deferred):
            admit(probing, HOST, "other", after(minutes=1))
        assert admit(probing, HOST, "probe", after(minutes=1)) == probing
        assert admit(answered(probing, HOST, "probe"), HOST, "other", after(minutes=1)) == NEW
        # The probe may have died.
        assert admit(probing, HOST, "other", after(minutes=1, seconds=30)).breakers[HOST].probe == "other"

    def test_is_open_for_longer_after_each_probe(self) -> None:
        """Each failed probe doubles the pause, up to an hour, for any number of failures."""
        account, at = with_failures(5), after(minutes=1)
        pauses = []
        for _ in range(8):
            account = failed(admit(account, HOST, "probe", at), HOST, "probe", at)
            until = open_until(account, HOST, at)
            assert until is not None
            pauses.append(until - at)
            at = until
        assert pauses == [timedelta(minutes=minutes) for minutes in (2, 4, 8, 16, 32, 60, 60, 60)]
        many = WebhookAccount(user_id="ada", breakers={HOST: Breaker(failures=10**6, open_until=NOON)})
        assert open_until(failed(many, HOST, "g", NOON), HOST, NOON) == after(hours=1)

    def test_failures_at_once_count_once(self) -> None:
        """Failures of deliveries that began before the breaker opened do not keep it open for longer."""
        account = with_failures(5)
        for number in range(32):
            account = failed(account, HOST, f"g{number}", after(seconds=1))
        assert account == with_failures(5)

    def test_hosts_are_bounded(self) -> None:
        """Of many failing hosts the last twenty are kept: a caller chooses the host of each webhook."""
        account = NEW
        for number in range(25):
            account = failed(account, f"h{number}", "g", after(seconds=number))
        assert list(account.breakers) == [f"h{number}" for number in range(5, 25)]
        assert set(failed(account, "h24", "g", after(minutes=1)).breakers) == set(account.breakers)

    def test_half_opened(self) -> None:
        """On demand the next delivery probes the host at once; a host that does not fail is not affected."""
        account = half_opened(with_failures(9), HOST, NOON)
        assert admit(account, HOST, "g", NOON).breakers[HOST].probe == "g"
        assert half_opened(NEW, HOST, NOON) is NEW
