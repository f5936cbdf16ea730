"""Job pools: order, failures, deaths, notes, and that no process outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import fake_jobs
import pytest

from ravens_suite import errors
from ravens_suite.errors import ConfigError, FileAccessError, RavensError, UnknownNameError, WorkerError
from ravens_suite.execution.pool import JobPool, available_cores, make_pool
from ravens_suite.execution.processes import ProcessPool
from ravens_suite.execution.protocols import _MakeSilent
from ravens_suite.execution.server import Failure, decode, encode

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def _pools() -> dict[str, Callable[[], JobPool]]:
    return {
        "serial": make_pool,
        "processes": partial(make_pool, workers=2),
        "nested": partial(make_pool, workers=2, tries=1, nested=True),
    }


@pytest.fixture(params=_pools())
def pool(request: pytest.FixtureRequest) -> Iterator[JobPool]:
    with _pools()[request.param]() as pool:
        yield pool


def test_a_job_that_fails_is_an_outcome_and_the_others_go_on(pool: JobPool) -> None:
    jobs = ["a", "refuse", "bug", "unknown", "b"]
    outcomes = sorted(pool.outcomes(fake_jobs.WordWorker, jobs), key=lambda outcome: outcome.index)
    assert [outcome.job for outcome in outcomes] == jobs
    assert [outcome.result for outcome in outcomes] == ["A", None, None, None, "B"]
    assert [bool(outcome.failure) for outcome in outcomes] == [False, True, True, True, False]
    assert outcomes[1].failure == "No."
    assert "ZeroDivisionError: a bug" in outcomes[2].failure
    with pytest.raises(UnknownNameError, match=r"named 'tusk'\. Did you mean 'task'") as error:
        outcomes[3].unwrap()
    assert error.value.__notes__ == ["In the job."]


def test_map_gives_results_in_order_and_raises_the_first_failure(pool: JobPool) -> None:
    assert list(pool.map(fake_jobs.MirrorWorker, [b"1", b"2", b"3"])) == [b"1", b"2", b"3"]
    with pytest.raises(ConfigError, match="cannot do 1"):
        list(pool.map(fake_jobs.RefusingWorker, [1, 1, 1]))
    assert list(pool.map(fake_jobs.MirrorWorker, [b"4", b"5"])) == [b"4", b"5"]


def test_no_jobs_make_no_worker(pool: JobPool) -> None:
    assert list(pool.map(fake_jobs.MirrorWorker, [])) == []


def test_notes_come_with_their_job(pool: JobPool) -> None:
    heard: list[tuple[str, str]] = []
    outcomes = pool.outcomes(fake_jobs.WordWorker, ["a", "b"], on_note=lambda job, note: heard.append((job, note)))
    assert len(list(outcomes)) == 2
    assert set(heard) == {("a", "at a"), ("b", "at b")}


def test_a_process_passes_on_one_note_a_second() -> None:
    heard: list[str] = []
    with ProcessPool(1) as pool:
        list(pool.outcomes(fake_jobs.NoteWorker, [1], on_note=lambda job, note: heard.append(note)))
    assert heard == ["first"]


def test_a_worker_is_kept_from_job_to_job_and_from_call_to_call() -> None:
    with ProcessPool(1) as pool:
        first = list(pool.map(fake_jobs.PidWorker, range(3)))
        second = list(pool.map(fake_jobs.PidWorker, range(2)))
    assert [done for _, done in first + second] == [1, 2, 3, 4, 5]
    assert {pid for pid, _ in first + second} == {first[0][0]} != {os.getpid()}


def test_nested_jobs_have_a_process_each() -> None:
    with make_pool(workers=1, nested=True) as pool:
        results = list(pool.map(fake_jobs.PidWorker, range(3)))
    assert len({pid for pid, _ in results} | {os.getpid()}) == 4


def test_one_worker_is_this_process() -> None:
    assert list(make_pool().map(fake_jobs.PidWorker, [0])) == [(os.getpid(), 1)]


def test_a_serial_pool_closes_its_worker_also_after_a_failure() -> None:
    closed: list[bool] = []

    class Worker(fake_jobs.RefusingWorker):
        def close(self) -> None:
            closed.append(True)

    with pytest.raises(ConfigError):
        list(make_pool().map(Worker, [1]))
    assert closed == [True]


def test_errors_of_a_process_are_told_with_their_traceback() -> None:
    with ProcessPool(1) as pool:
        (outcome,) = pool.outcomes(fake_jobs.WordWorker, ["bug"])
        assert isinstance(outcome.error, WorkerError)
        assert "fake_jobs.py" in outcome.notes[0]
        with pytest.raises(WorkerError, match=r"pickle|local object"):
            list(pool.map(fake_jobs.UnpicklableWorker, [1]))


def _error_kinds() -> list[type[RavensError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RavensError)]


@pytest.mark.parametrize("kind", _error_kinds())
def test_our_errors_keep_class_message_and_notes(kind: type[RavensError]) -> None:
    error = UnknownNameError("task", "tusk", ["task"]) if kind is UnknownNameError else kind("It failed.")
    error.add_note("Seen at step 3.")
    copy = decode(encode(Failure.of(error))).error()
    assert (type(copy), str(copy), copy.args) == (kind, str(error), (str(error),))
    assert copy.__notes__ == error.__notes__ == ["Seen at step 3."]


def test_no_error_of_a_job_breaks_its_pool() -> None:
    jobs = ["badly made", "held", "local", "exit", "interrupt", "disk", "group", "unreadable", "fine"]
    make = _MakeSilent(fake_jobs.HostileWorker)
    with ProcessPool(1) as pool:
        outcomes = {outcome.job: outcome for outcome in pool.outcomes(make, jobs)}
    assert (outcomes["fine"].result, outcomes["fine"].error) == ("fine", None)
    assert all(isinstance(outcomes[job].error, RavensError) for job in jobs[:-1])
    assert outcomes["held"].failure == "It holds a function."
    assert type(outcomes["held"].error) is fake_jobs.HeldError
    assert "LocalError: Of a class that nobody else has." in outcomes["local"].failure
    assert "BadlyMadeError: (an error without a text)" in outcomes["badly made"].failure
    assert "SystemExit: 3" in outcomes["exit"].failure
    assert isinstance(outcomes["disk"].error, FileAccessError) and not outcomes["disk"].notes
    assert "not a number" in outcomes["unreadable"].failure


def test_a_job_that_ends_its_process_fails_in_this_one_too() -> None:
    with pytest.raises(WorkerError, match=r"sys\.exit\(3\)"):
        list(make_pool().map(fake_jobs.HostileWorker, ["exit"]))


@pytest.mark.parametrize("before_pool", ["", "sys.exit(5) if __name__ == '__mp_main__' else None\n"])
def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path, before_pool: str) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(fake_jobs.__file__).parent)!r})\n"
        f"{before_pool}"
        "import fake_jobs\n"
        "from ravens_suite.execution.pool import make_pool\n"
        "with make_pool(workers=2) as pool:\n"
        "    print(list(pool.map(fake_jobs.MirrorWorker, [b'1', b'2', b'3'])))\n"
    )
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 1
    assert 'if __name__ == "__main__":' in run.stderr.splitlines()[-1]
    assert run.stderr.count("Traceback (") == 1, run.stderr
    assert "memory" not in run.stderr


@posix
def test_a_job_that_kills_its_process_is_reported_and_the_others_go_on() -> None:
    jobs = ["a", "die", "exit", "b"]
    with make_pool(workers=2, tries=1, nested=True) as pool:
        outcomes = {outcome.job: outcome for outcome in pool.outcomes(fake_jobs.WordWorker, jobs)}
    assert (outcomes["a"].result, outcomes["b"].result) == ("A", "B")
    assert "process died at die (signal 9: the machine may be short of memory)" in outcomes["die"].failure
    assert "exit status 3" in outcomes["exit"].failure


@posix
@pytest.mark.parametrize("tries", [1, 2, 3])
def test_a_job_that_always_kills_its_process_ends(tries: int, caplog: pytest.LogCaptureFixture) -> None:
    with ProcessPool(1, tries) as pool:
        outcomes = {outcome.job: outcome for outcome in pool.outcomes(fake_jobs.WordWorker, ["die", "a", "b"])}
    assert isinstance(outcomes["die"].error, WorkerError)
    assert ("died 3 times" in outcomes["die"].failure) == (tries == 3)
    assert (outcomes["a"].result, outcomes["b"].result) == ("A", "B")
    assert len([record for record in caplog.records if "run again" in record.message]) == tries - 1


@posix
@pytest.mark.parametrize(("workers", "count"), [(1, 6), (2, 7), (3, 2)])
def test_jobs_that_a_dead_process_had_ahead_are_done_once_and_in_order(
    tmp_path: Path, workers: int, count: int
) -> None:
    """A process has its next job before its parent has the last result."""
    with ProcessPool(workers) as pool:
        results = list(pool.map(partial(fake_jobs.EchoWorker, str(tmp_path), 1), range(count)))
    assert results == list(range(count))
    assert (tmp_path / "died").exists()
    assert sorted(map(int, (tmp_path / "done").read_text().split())) == results


def test_a_process_works_two_jobs_ahead_of_the_caller_and_no_more(tmp_path: Path) -> None:
    with ProcessPool(1) as pool:
        results = pool.map(partial(fake_jobs.EchoWorker, str(tmp_path), -1), range(6))
        assert next(results) == 0
        _wait_for(lambda: (tmp_path / "done").read_text().split() == ["0", "1", "2"])
        assert next(results) == 1
        _wait_for(lambda: (tmp_path / "done").read_text().split() == ["0", "1", "2", "3"])
        assert list(results) == [2, 3, 4, 5]


def test_jobs_and_results_may_be_large() -> None:
    """A process that is sent a job while it sends a result would wait for ever."""
    jobs = [bytes(1_000_000)] * 6
    with ProcessPool(2) as pool:
        assert list(pool.map(fake_jobs.MirrorWorker, jobs)) == jobs


def test_a_pool_does_one_call_at_a_time() -> None:
    with ProcessPool(1) as pool:
        first = pool.map(fake_jobs.PidWorker, range(4))
        next(first)
        with pytest.raises(ConfigError, match="busy"):
            list(pool.map(fake_jobs.PidWorker, range(4)))
        assert len(list(first)) == 3


def test_processes_have_one_thread_for_numerical_libraries() -> None:
    before = dict(os.environ)
    with ProcessPool(2) as pool:
        seen = list(pool.map(fake_jobs.LimitsWorker, [0, 1, 2]))
    share = available_cores() // 2
    assert seen == [{"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": str(share if share > 1 else 0)}] * 3
    assert dict(os.environ) == before


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(ConfigError, match="--workers must be at least 1"):
        make_pool(workers=0)
    with pytest.raises(ConfigError, match=r"--workers must be a whole number, not 2\.0"):
        make_pool(workers=4 / 2)
    with pytest.raises(ConfigError, match="at least one try"):
        make_pool(tries=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'processes'"):
        make_pool("process")


@posix
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_and_grandchildren_end_with_their_parent(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C reaches all processes of a terminal; only the parent heeds it."""
    pids = tmp_path / "pids"
    pids.mkdir()
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(fake_jobs.__file__).parent)!r})\n"
        "import fake_jobs\n"
        "from ravens_suite.execution.pool import make_pool\n"
        "if __name__ == '__main__':\n"
        "    with make_pool(workers=1, nested=True) as pool:\n"
        f"        list(pool.outcomes(fake_jobs.ParentWorker, [{str(pids)!r}]))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], start_new_session=True, stderr=subprocess.PIPE)
    _wait_for(lambda: len(list(pids.iterdir())) == 3)
    if sent == signal.SIGINT:
        os.killpg(parent.pid, sent)
    else:
        parent.send_signal(sent)
    _, messages = parent.communicate()
    assert ("KeyboardInterrupt" in messages.decode()) == (sent == signal.SIGINT)
    assert messages.decode().count("Traceback") <= 1
    _wait_for(lambda: not any(_alive(int(path.name)) for path in pids.iterdir()))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
