"""The same jobs on a Ray cluster of two nodes: the same bytes, also when a worker is killed in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import fake_jobs
import pytest
from fake_environment import TASK, MildWorker, MortalWorker
from mortal_workers import MortalEvaluationWorker, MortalTrialWorker

from ravens_suite.benchmark import grid
from ravens_suite.benchmark.grid import BenchmarkPlan, benchmark
from ravens_suite.benchmark.trials import TrialSettings
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, WorkerError
from ravens_suite.execution.pool import make_pool
from ravens_suite.execution.progress import silent
from ravens_suite.execution.server import Server
from ravens_suite.rollout import collect as module
from ravens_suite.rollout import evaluate as evaluating
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.settings import TrainingSettings

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    path = os.pathsep.join([str(Path(fake_jobs.__file__).parent), os.environ.get("PYTHONPATH", "")])
    ray.init(cluster.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}})
    yield
    ray.shutdown()
    cluster.shutdown()


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.usefixtures("cluster")
def test_failures_are_outcomes_and_a_dead_actor_is_replaced(tmp_path: Path) -> None:
    with make_pool("ray", workers=2, tries=2) as pool:
        jobs = ["a", "refuse", "bug", "die", "b"]
        outcomes = {outcome.job: outcome for outcome in pool.outcomes(fake_jobs.WordWorker, jobs)}
        assert list(pool.map(partial(fake_jobs.EchoWorker, str(tmp_path), 1), range(4))) == [0, 1, 2, 3]
        with pytest.raises(ConfigError, match="cannot do 1"):
            list(pool.map(fake_jobs.RefusingWorker, [1, 1]))
    assert sorted((tmp_path / "done").read_text().split()) == ["0", "1", "2", "3"]
    assert (outcomes["a"].result, outcomes["b"].result, outcomes["refuse"].failure) == ("A", "B", "No.")
    assert isinstance(outcomes["bug"].error, WorkerError) and "fake_jobs.py" in outcomes["bug"].error.__notes__[0]
    assert "died 2 times at die" in outcomes["die"].failure


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("worker", [MildWorker, MortalWorker])
def test_two_nodes_write_the_bytes_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: type[MildWorker]
) -> None:
    collect(TASK, episodes=6, data=tmp_path / "one")
    monkeypatch.setattr(module, "DemonstrationWorker", worker)
    with make_pool("ray", workers=2) as pool:
        done = collect(TASK, episodes=6, data=tmp_path / "many", pool=pool)
        with pytest.raises(ConflictError):
            collect(TASK, episodes=6, data=tmp_path / "many", pool=pool, arguments={"shade": 1})
    (tmp_path / "many" / TASK / "died").unlink(missing_ok=True)
    assert len(done.attempts) == 9
    store = EpisodeStore.of(tmp_path / "many", TASK, "train")
    assert len(store) == 6 and all(store.intact(seed) for seed in store.seeds())
    assert _bytes(tmp_path / "many") == _bytes(tmp_path / "one")


@pytest.mark.usefixtures("cluster")
def test_an_evaluation_on_two_nodes_has_the_outcomes_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = evaluate("oracle", TASK, episodes=8, out=tmp_path / "one")
    monkeypatch.setattr(evaluating, "_SilentWorker", partial(MortalEvaluationWorker, str(tmp_path / "died")))
    with make_pool("ray", workers=2) as pool:
        done = evaluate("oracle", TASK, episodes=8, out=tmp_path / "two", pool=pool)
    assert (tmp_path / "died").exists()
    assert done.outcomes == alone.outcomes


@pytest.mark.usefixtures("cluster")
def test_a_trial_whose_machine_is_lost_goes_on_on_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "DemonstrationWorker", MildWorker)
    monkeypatch.setattr(grid, "TrialWorker", MortalTrialWorker)
    # The agent could not learn from what the fake task shows, and is trained by nobody here.
    monkeypatch.setattr(grid._Grid, "refuse", lambda self: None)
    settings = TrialSettings(training=TrainingSettings(val_episodes=0), episodes=4)
    plan = BenchmarkPlan(("transporter",), (TASK,), (1, 2), (0, 1), settings, workers=2, engine="ray")
    # Relative names mean the same folders for the actors.
    done = benchmark(plan, Path("data"), Path("out"), lambda title: nullcontext(silent))
    assert (done.made, done.failures) == (4, {})
    assert Path("out/died").exists()
    assert [(row["demos"], row["seed"]) for row in done.records] == [(1, 0), (2, 0), (1, 1), (2, 1)]
    again = benchmark(plan, Path("data"), Path("out"), lambda title: nullcontext(silent))
    assert (again.made, len(again.records)) == (0, 4)


def test_a_cluster_that_does_not_start_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**options: object) -> None:
        raise Exception("The current node timed out\nduring startup.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(WorkerError, match=r"timed out during startup\.\): start one .* --engine ray"):
        make_pool("ray", workers=1)


class _HereActor:
    """An actor that works in this process, with the environment variables that Ray was asked to give it."""

    def __init__(self, server: Server, variables: dict[str, str]) -> None:
        self.answer, self._server, self._variables = self, server, variables

    def remote(self, message: bytes) -> bytes:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("RAVENS_SUITE_")]:
                patch.delenv(name)
            for name, value in self._variables.items():
                patch.setenv(name, value)
            return self._server.answer(message)


class _HereRay:
    """Makes such actors; of a cluster that was started before, in another shell."""

    def __init__(self, kind: type[Server]) -> None:
        self._kind = kind

    def options(self, runtime_env: dict[str, dict[str, str]], **_: object) -> _HereRay:
        self._variables = runtime_env["env_vars"]
        return self

    def remote(self, folder: str) -> _HereActor:
        return _HereActor(self._kind(folder), self._variables)


def test_actors_of_a_cluster_that_ran_before_know_tasks_without_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "remote", _HereRay)
    monkeypatch.setattr(ray, "wait", lambda references: (references[:1], references[1:]))
    monkeypatch.setattr(ray, "get", lambda reference: reference)
    monkeypatch.setattr(ray, "kill", lambda actor: None)
    names = ("RAVENS_SUITE_TASKS", "RAVENS_SUITE_AGENTS", "RAVENS_SUITE_FORECASTERS", "RAVENS_SUITE_TASK_VARIANTS")
    for name in names:
        monkeypatch.setenv(name, f"value of {name}")
    with make_pool("ray", workers=1) as pool:
        assert list(pool.map(fake_jobs.EnvironWorker, names)) == [f"value of {name}" for name in names]
