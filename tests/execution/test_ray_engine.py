"""The same units on a Ray cluster of two nodes: the same bytes, also when a worker is killed in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_environment import TASK, MildWorker, MortalWorker

from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError
from ravens_suite.execution.engine import make_engine
from ravens_suite.rollout import collect as module
from ravens_suite.rollout.collect import collect

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ray.init(cluster.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}})
    yield
    ray.shutdown()
    cluster.shutdown()


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("worker", [MildWorker, MortalWorker])
def test_two_nodes_write_the_bytes_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: type[MildWorker]
) -> None:
    collect(TASK, episodes=6, data=tmp_path / "one")
    monkeypatch.setattr(module, "DemonstrationWorker", worker)
    with make_engine("ray", workers=2) as engine:
        done = collect(TASK, episodes=6, data=tmp_path / "many", engine=engine)
        with pytest.raises(ConflictError):
            collect(TASK, episodes=6, data=tmp_path / "many", engine=engine, arguments={"shade": 1})
    (tmp_path / "many" / TASK / "died").unlink(missing_ok=True)
    assert len(done.attempts) == 9
    assert EpisodeStore.of(tmp_path / "many", TASK, "train").verify() == []
    assert _bytes(tmp_path / "many") == _bytes(tmp_path / "one")
