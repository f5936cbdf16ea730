"""``ravens-suite benchmark``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, json_object
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError, WorkerError


@dataclass(frozen=True)
class Benchmark(EnvironmentOptions, OutputOptions):
    """Train and test a grid of agents, tasks, demonstrations and seeds; a second run does what is missing."""

    agents: tuple[str, ...]
    """Names of agents, for example transporter."""

    tasks: tuple[str, ...]
    """Names of tasks (see: ravens-suite tasks)."""

    demos: str = "1,10,100"
    """Numbers of demonstrations."""

    seeds: str = "0"
    """Each chooses demonstrations, where the pool is larger than their number, and initial weights."""

    out: Path = Path("runs/benchmark")
    """Folder of the results: scores.csv, cells, runs."""

    data: Path = Path("data")
    """Folder of all demonstrations; what is missing is collected."""

    pool: int = 0
    """Demonstrations collected of each task, of which every cell draws its own; the largest of --demos at least."""

    episodes: int = 100
    """Test seeds."""

    val_episodes: int = 20
    """Validation episodes that candidates are judged on; 0 keeps the last weights."""

    candidates: int = 1
    """How often in the second half of training the weights are judged."""

    steps: int | None = None
    """Gradient steps; each agent's own number unless given."""

    config: str = "{}"
    """Settings of agents that differ from their defaults, as a JSON object by agent."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live; auto takes a GPU where there is one."""

    workers: int = 1
    """Cells at once, each with its share of the cores."""

    threads: int | None = None
    """Of each cell that is begun, on which results depend in their last bits; its share of the cores unless given."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.benchmark.grid import BenchmarkPlan, benchmark
        from ravens_suite.benchmark.trials import Rules

        rules = Rules(
            episodes=self.episodes,
            val_episodes=self.val_episodes,
            candidates=self.candidates,
            steps=self.steps,
            config=self._config(),
            arguments=self.arguments(),
            device=self.device,
        )
        plan = BenchmarkPlan(
            agents=self.agents,
            tasks=self.tasks,
            demos=_numbers("--demos", self.demos),
            seeds=_numbers("--seeds", self.seeds),
            rules=rules,
            pool=self.pool,
            workers=self.workers,
            threads=self.threads,
        )
        done = benchmark(plan, self.data, self.out, console.progress)
        for row in done.means():
            console.say(
                f"{row['agent']}, {row['demos']} demonstrations: mean score {row['score']:.1f}, strict success "
                f"{row['strict']:.1f} % over {row['tasks']} tasks ({row['cells']} cells)."
            )
        console.say(f"{done.scores}: {len(done.records)} of {len(plan.cells())} cells, {done.made} of them made now.")
        for name, why in done.failures.items():
            console.say(f"{name} failed: {why}")
        console.result(done.to_json())
        if done.failures:
            raise WorkerError(
                f"{len(done.failures)} of {len(plan.cells())} cells failed (named above): "
                "the others are kept, and the same command tries these again."
            )

    def _config(self) -> dict[str, Any]:
        example = '{"agent": {"key": value}}'
        config = json_object("--config", self.config, example)
        if not all(isinstance(part, dict) for part in config.values()):
            raise ConfigError(f"--config must hold a JSON object by agent: write it as '{example}'.")
        return config


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(f"{option} takes whole numbers with commas between them, not {text!r}.") from None
