"""``ravens-suite benchmark``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, JsonText, OutputOptions, json_object
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError, WorkerError
from ravens_suite.training.settings import TrainingSettings


@dataclass(frozen=True)
class Benchmark(EnvironmentOptions, OutputOptions):
    """Train and test a grid of agents, tasks, demonstrations and seeds; a second run does what is missing."""

    agents: tuple[str, ...]
    """Names of agents, for example transporter."""

    tasks: tuple[str, ...]
    """Names of tasks (see: ravens-suite tasks)."""

    demos: tuple[int, ...] = (1, 10, 100)
    """Numbers of demonstrations."""

    seeds: tuple[int, ...] = (0,)
    """Each chooses demonstrations, where the pool is larger than their number, and initial weights."""

    out: Path = Path("runs/benchmark")
    """Folder of the results: scores.csv, trials, runs."""

    data: Path = Path("data")
    """Folder of all demonstrations; what is missing is collected."""

    pool: int = 0
    """Demonstrations collected of each task, of which every trial draws its own; 0 for the largest of --demos."""

    episodes: int = 100
    """Test seeds."""

    training: Annotated[TrainingSettings, tyro.conf.OmitArgPrefixes] = field(default_factory=TrainingSettings)
    """How long agents are trained, where, and how weights are chosen; threads are a trial's share of the cores."""

    config: JsonText = "{}"
    """Settings of agents that differ from their defaults, as a JSON object by agent: {"transporter": {"batch": 4}}."""

    workers: int = 1
    """Trials at once, each with its share of the cores; on Ray each with one core, or as many as --threads."""

    engine: str = "processes"
    """Where the trials run: processes of this machine, or ray (a cluster whose machines all see --data and --out)."""

    force: bool = False
    """Reuse demonstrations, runs and results on disk although the code of their task or of your own agent has changed
    since they were made."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.benchmark.grid import BenchmarkPlan, benchmark
        from ravens_suite.benchmark.trials import TrialSettings

        plan = BenchmarkPlan(
            agents=self.agents,
            tasks=self.tasks,
            demos=self.demos,
            seeds=self.seeds,
            settings=TrialSettings(
                training=self.training,
                episodes=self.episodes,
                config=self._config(),
                arguments=self.arguments(),
                force=self.force,
            ),
            pool=self.pool,
            workers=self.workers,
            engine=self.engine,
        )
        done = benchmark(plan, self.data, self.out, console.progress)
        for row in done.means():
            broken = f"; {row['failures']} episodes broke a rule of the task" if row["failures"] else ""
            console.say(
                f"{row['agent']}, {row['demos']} demonstrations: mean score {row['mean_score']:.1f}, success rate "
                f"{row['success_rate']:.1f} % over {row['tasks']} task{'' if row['tasks'] == 1 else 's'} "
                f"({row['trials']} trials){broken}."
            )
        for row in done.over_seeds():
            console.say(
                f"  {row['task']}, {row['agent']}, {row['demos']} demonstrations, seeds "
                f"{', '.join(map(str, row['seeds']))}: mean score {row['mean_score']:.1f} ± "
                f"{row['mean_score_deviation']:.1f}, success rate {row['success_rate']:.1f} ± "
                f"{row['success_rate_deviation']:.1f} %."
            )
        total = len(plan.trials())
        console.say(f"{done.scores}: {len(done.records)} of {total} trials, {done.made} of them made now.")
        for name, why in done.failures.items():
            console.say(f"{name} failed: {why}")
        console.result(done.to_json())
        if done.failures:
            raise WorkerError(
                f"{len(done.failures)} of {total} trials failed (named above): "
                "the others are kept, and the same command tries these again."
            )

    def _config(self) -> dict[str, Any]:
        example = '{"agent": {"key": value}}'
        config = json_object("--config", self.config, example)
        if not all(isinstance(part, dict) for part in config.values()):
            raise ConfigError(f"--config must hold a JSON object by agent: write it as '{example}'.")
        return config
