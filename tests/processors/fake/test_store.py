from __future__ import annotations

import concurrent.futures
import datetime
import sqlite3
import stat
import subprocess
import sys
import textwrap

import pytest

from flask_accrue.errors import ConfigError, ProcessorUnavailable
from flask_accrue.money import Money
from flask_accrue.processors.fake import FakeProcessor
from tests.processors.fake.conftest import START, Shop


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deeper" / "fake.sqlite"


@pytest.fixture
def filed(path):
    fake = FakeProcessor(path, seed=1)
    fake.freeze(START)
    yield fake
    fake.close()


def in_another_process(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_nothing_is_opened_before_it_is_used(path):
    FakeProcessor(path)

    assert not path.exists()


def test_the_file_is_its_owners_alone(filed, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_everything_outlives_the_instance(filed, path):
    shop = Shop(filed).catalog()
    answer = shop.subscribe(shop.customer())
    secret, pending = filed.webhook_secret, filed.pending_events()
    filed.configure(retry_days=(1,))
    filed.close()

    again = FakeProcessor(path)

    assert again.webhook_secret == secret
    assert again.clock.now() == START
    assert again.pending_events() == pending
    assert again.rules.retry_days == (1,)
    assert again.fetch("subscription", answer.main.processor_id).main == answer.main
    again.close()


def test_two_instances_on_one_file_see_the_same(filed, path):
    other = FakeProcessor(path)
    shop = Shop(filed).catalog()
    customer = shop.customer()

    other.advance(datetime.timedelta(days=1))
    other.fail_next("fetch")

    assert filed.clock.now() == START + datetime.timedelta(days=1)
    with pytest.raises(ProcessorUnavailable):
        filed.fetch("customer", customer)
    other.close()


def test_another_process_sees_clock_objects_and_faults(filed, path):
    shop = Shop(filed).catalog()
    customer = shop.customer()
    filed.fail_next("fetch", "rate_limited")

    told = in_another_process(
        """
        import datetime, sys
        from flask_accrue.errors import RateLimited
        from flask_accrue.processors.fake import FakeProcessor
        fake = FakeProcessor(sys.argv[1])
        try:
            fake.fetch("customer", sys.argv[2])
        except RateLimited:
            print("limited")
        print(fake.fetch("customer", sys.argv[2]).main.name, fake.clock.now())
        fake.advance(datetime.timedelta(days=2))
        """,
        path,
        customer,
    )

    assert told == f"limited\nAda {START}"
    assert filed.clock.now() == START + datetime.timedelta(days=2)


def test_two_in_memory_share_nothing():
    one, two = FakeProcessor(), FakeProcessor()
    one.create_product("Pro", id="prod_pro")

    assert two.list_catalog().objects == ()
    assert one.webhook_secret != two.webhook_secret
    one.close()
    two.close()


def test_secrets_are_random_even_with_a_seed():
    one, two = FakeProcessor(seed=1), FakeProcessor(seed=1)

    assert one.webhook_secret != two.webhook_secret
    assert one.webhook_secret.startswith("whsec_")
    one.close()
    two.close()


def test_a_seed_decides_the_ids():
    def first(seed):
        fake = FakeProcessor(seed=seed)
        fake.freeze(START)
        try:
            return fake.create_product("Pro").processor_id
        finally:
            fake.close()

    assert first(1) == first(1) != first(2)
    assert first(None) != first(None)


@pytest.mark.parametrize("where", ["file", "memory"])
def test_many_threads_lose_nothing(path, where):
    fake = FakeProcessor(path if where == "file" else None)
    fake.create_product("Pro", id="prod_pro")
    fake.create_price("prod_pro", Money(100, "usd"), id="price_pro")

    def live(number: int) -> str:
        shop = Shop(fake)
        shop.prefix = f"thread-{number}"
        return shop.subscribe(shop.customer()).main.status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(live, range(24)))

    assert statuses == ["active"] * 24
    ids = [event.id for event in fake.events()]
    assert len(ids) == len(set(ids))
    assert [event.type for event in fake.events()].count("invoice.paid") == 24
    fake.close()


def test_the_same_key_from_many_threads_acts_once(path):
    fake = FakeProcessor(path)

    def make(_: int) -> str:
        return fake.create_customer(
            name="Ada", email=None, preferred_locale=None, metadata={}, key="k"
        ).main.processor_id

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(16)))) == 1
    assert len(fake.events()) == 1
    fake.close()


def test_processes_that_start_at_once_make_one_store(path):
    code = """
        import sys
        from flask_accrue.processors.fake import FakeProcessor
        fake = FakeProcessor(sys.argv[1])
        for number in range(10):
            fake.create_customer(name=None, email=None, preferred_locale=None, metadata={},
                                 key=f"{sys.argv[2]}-{number}")
        print(fake.webhook_secret)
        """
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        secrets = set(pool.map(lambda number: in_another_process(code, path, number), range(2)))

    fake = FakeProcessor(path)
    assert secrets == {fake.webhook_secret}
    assert len(fake.events()) == 20
    fake.close()


def test_a_fork_goes_on_with_a_file_and_not_with_memory(filed):
    told = in_another_process(
        """
        import os, sys
        from flask_accrue.errors import ConfigError
        from flask_accrue.processors.fake import FakeProcessor
        filed, memory = FakeProcessor(sys.argv[1]), FakeProcessor()
        before = filed.clock.now(), memory.clock.now()
        child = os.fork()
        if child == 0:
            try:
                memory.clock.now()
            except ConfigError as error:
                print(filed.clock.now() == before[0], "ACCRUE_FAKE_STORE" in str(error), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(filed.clock.now() == before[0], memory.clock.now() >= before[1])
        """,
        filed._engine.store.path,
    )

    assert told == "True True\nTrue True"


def test_a_store_of_another_version_is_refused(filed, path):
    filed.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE state SET value = '99' WHERE name = 'version'")
    connection.close()

    with pytest.raises(ConfigError, match="delete the file"):
        FakeProcessor(path).clock.now()


def test_a_step_that_breaks_leaves_nothing_half(fake, shop, monkeypatch):
    customer = shop.customer()
    shop.forget_events()
    from flask_accrue.processors.fake import invoices

    def breaks(*_: object) -> None:
        raise RuntimeError("Power cut.")

    monkeypatch.setattr(invoices, "settle", breaks)
    with pytest.raises(RuntimeError):
        shop.subscribe(customer, key="k")
    monkeypatch.undo()

    assert shop.types() == []
    assert shop.invoices(customer) == []
    assert shop.subscribe(customer, key="k").main.status == "active"
