import asyncio
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from peewee import Database, IntegrityError, OperationalError, SqliteDatabase
from playhouse.pool import PooledPostgresqlDatabase
from playhouse.schema_diff import diff_models

from channel_registry.database import close_database
from channel_registry.errors import DatabaseUnavailable
from channel_registry.models import TABLES as REGISTRY_TABLES
from channel_registry.queries.devices import add_device, list_devices
from tests.postgres import PostgresServer
from tests.vms.bench import eventually
from tests.vms.storage.samples import T0, after, alarm
from vms.storage.errors import DatabaseBusy
from vms.storage.models import TABLES
from vms.storage.queries.alarms import active_alarms, raise_alarm
from vms.storage.queries.spans import change_states, open_spans
from vms.storage.records import SpanCause, SpanState, StateChange, SubjectKind
from vms.storage.worker import DatabaseWorker, open_storage

ROOT = Path(__file__).resolve().parents[3]

# Raises an alarm that is committed, then dies in the middle of changing 1,000 spans.
DYING_WRITER = """
import sys
from tests.vms.storage.samples import T0, after, alarm
from vms.storage.queries import spans
from vms.storage.queries.alarms import raise_alarm
from vms.storage.records import SpanCause, SpanState, StateChange, SubjectKind
from vms.storage.worker import open_storage

database = open_storage(sys.argv[1])
raise_alarm(database, alarm(), at=T0)
written = spans.insert_all

def stop_here(*arguments):
    written(*arguments)
    print("half way", flush=True)
    sys.stdin.read()

spans.insert_all = stop_here
changes = [StateChange(str(n), SpanState.OFF, SpanCause.MISSING) for n in range(1000)]
spans.change_states(database, SubjectKind.CHANNEL, changes, at=after(5))
"""


async def test_both_schemas_are_there_and_match_the_models(database_url: str) -> None:
    async with DatabaseWorker(database_url) as worker:
        difference = await worker.run(diff_models, (*REGISTRY_TABLES, *TABLES))
        assert not difference, repr(difference)


async def test_calls_run_beside_the_loop_with_the_database_first(database_url: str) -> None:
    async with DatabaseWorker(database_url) as worker:
        await worker.run(add_device, "14040000001180000001", name="NVR", at=T0)
        page = await worker.run(list_devices, page=1, size=10)
        thread = await worker.run(lambda _: threading.current_thread())
    assert [one.name for one in page.items] == ["NVR"]
    assert thread is not threading.main_thread()


async def test_what_was_written_is_there_after_reopening(database_url: str) -> None:
    async with DatabaseWorker(database_url) as worker:
        await worker.run(raise_alarm, alarm(), at=T0)
    async with DatabaseWorker(database_url) as worker:
        assert len(await worker.run(active_alarms)) == 1


async def test_many_calls_at_once_are_all_answered(database_url: str) -> None:
    async with DatabaseWorker(database_url) as worker:
        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(worker.run(raise_alarm, alarm(str(number % 7)), at=T0))
        alarms = await worker.run(active_alarms)
    assert sorted(one.dedupe_key for one in alarms) == [str(number) for number in range(7)]
    assert sum(one.count for one in alarms) == 60
    assert worker.pending == 0


async def test_errors_of_the_function_come_through_and_roll_back(database_url: str) -> None:
    def half(database: Database) -> None:
        with database.atomic():
            raise_alarm(database, alarm(), at=T0)
            raise ZeroDivisionError

    async with DatabaseWorker(database_url) as worker:
        with pytest.raises(ZeroDivisionError):
            await worker.run(half)
        assert await worker.run(active_alarms) == ()


async def test_a_failing_database_is_told_from_a_wrong_statement(database_url: str) -> None:
    def twice(database: Database) -> None:
        for _ in range(2):
            database.execute_sql("INSERT INTO beat (id, at) VALUES (1, 1)")

    def broken(database: Database) -> None:
        raise OperationalError("disk I/O error")

    async with DatabaseWorker(database_url) as worker:
        with pytest.raises(IntegrityError):
            await worker.run(twice)
        with pytest.raises(DatabaseUnavailable, match="disk"):
            await worker.run(broken)
        assert await worker.run(active_alarms) == ()


async def test_more_than_may_wait_is_refused(database_url: str) -> None:
    gate = threading.Event()
    async with DatabaseWorker(database_url, max_pending=2) as worker:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(worker.run(lambda _: gate.wait(60)))
            await asyncio.sleep(0)
            assert worker.pending == 2
            with pytest.raises(DatabaseBusy):
                await worker.run(active_alarms)
            gate.set()
        assert (worker.pending, worker.refused) == (0, 1)


async def test_a_cancelled_caller_does_not_lose_the_count(database_url: str) -> None:
    gate, begun = threading.Event(), threading.Event()

    def wait(_: Database) -> None:
        begun.set()
        gate.wait(60)

    async with DatabaseWorker(database_url) as worker:
        async with asyncio.TaskGroup() as group:
            caller = group.create_task(worker.run(wait))
            assert await asyncio.to_thread(begun.wait, 60)
            caller.cancel()
        assert caller.cancelled()
        gate.set()
    assert worker.pending == 0


async def test_what_a_cancelled_caller_asked_for_is_written_all_the_same(
    database_url: str,
) -> None:
    gate = threading.Event()
    async with DatabaseWorker(database_url) as worker, asyncio.TaskGroup() as group:
        busy = [group.create_task(worker.run(lambda _: gate.wait(60))) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await worker.run(raise_alarm, alarm(), at=T0)
        gate.set()
        await asyncio.gather(*busy)
        await eventually(lambda: worker.pending == 0)
        assert len(await worker.run(active_alarms)) == 1


async def test_closing_waits_for_what_was_asked(database_url: str) -> None:
    async with asyncio.TaskGroup() as group:
        async with DatabaseWorker(database_url) as worker:
            tasks = [
                group.create_task(worker.run(raise_alarm, alarm(str(n)), at=T0)) for n in range(20)
            ]
            await asyncio.sleep(0)
    assert all(task.result()[1] for task in tasks)
    with pytest.raises(DatabaseBusy):
        await worker.run(active_alarms)


async def test_a_damaged_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "vms.db").write_bytes(b"this was a database once" * 400)
    with pytest.raises(DatabaseUnavailable, match="vms.db"):
        async with DatabaseWorker(f"sqlite:///{tmp_path}/vms.db"):
            pass


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "mysql://x/y", "sqlite:///"])
async def test_a_database_that_cannot_be_opened_stops_the_start(url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with DatabaseWorker(url):
            pass


async def test_a_restarted_server_costs_no_call(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with DatabaseWorker(postgres_url) as worker:
        await worker.run(raise_alarm, alarm(), at=T0)
        postgres_server.terminate_connections()
        assert len(await worker.run(active_alarms)) == 1


async def test_connections_whose_death_the_pool_has_not_noticed_cost_no_call(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PooledPostgresqlDatabase, "_is_closed", lambda self, connection: False)
    async with DatabaseWorker(postgres_url) as worker:
        await worker.run(raise_alarm, alarm(), at=T0)
        postgres_server.terminate_connections()
        assert len(await worker.run(active_alarms)) == 1
        assert len(await worker.run(active_alarms)) == 1


def test_two_writers_in_one_database_wait_for_each_other(database_url: str) -> None:
    def write(who: int) -> None:
        database = open_storage(database_url)
        for second in range(15):
            state = SpanState.ON if second % 2 else SpanState.OFF
            change = StateChange("a", state, SpanCause.REPORTED_ON)
            change_states(database, SubjectKind.DEVICE, [change], at=after(second))
            raise_alarm(database, alarm("shared"), at=after(second))
        close_database(database)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    database = open_storage(database_url)
    assert active_alarms(database)[0].count == 30
    assert len(open_spans(database, SubjectKind.DEVICE)) == 1
    close_database(database)


def test_power_cut_in_the_middle_keeps_what_was_committed_and_nothing_else(
    database_url: str,
) -> None:
    command = [sys.executable, "-c", DYING_WRITER, database_url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half way\n"
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(60) == -signal.SIGKILL
    database = open_storage(database_url)
    assert [one.dedupe_key for one in active_alarms(database)] == ["intrusion:1"]
    assert open_spans(database, SubjectKind.CHANNEL) == {}
    if isinstance(database, SqliteDatabase):
        assert database.pragma("integrity_check") == "ok"
    again = [StateChange("1", SpanState.ON, SpanCause.RETURNED)]
    assert change_states(database, SubjectKind.CHANNEL, again, at=after(6)) == ("1",)
    close_database(database)
