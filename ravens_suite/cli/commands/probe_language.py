"""``ravens-suite probe-language``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName, WorkerOptions
from ravens_suite.cli.console import Console

if TYPE_CHECKING:
    from ravens_suite.insight.language_probe import LanguageProbe


@dataclass(frozen=True)
class ProbeLanguage(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Find out whether a policy listens: the same scenes, told other things; a second run continues.

    Each scene is run with the task's own sentence, with a paraphrase, with a sentence about another object of the
    scene, with nonsense, and with nothing. Only what the policy is told is replaced: the task stays as it is.
    """

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run, or another policy as evaluate takes it. oracle and random read no sentence, and are run
    once a scene, to compare with."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; each that the run was trained on unless given."""

    episodes: int = 100
    """Number of scenes; five episodes in each."""

    split: SplitName = "test"
    """Split of the scenes."""

    first_seed: int = 0
    """Seed of the first scene; the others follow it."""

    out: Path | None = None
    """Folder of the result; RUN/probes unless given, or runs/POLICY/TASK/probes without a run."""

    force: bool = False
    """Reuse episodes on disk although the code of the policy or the task has changed since they were made."""

    engine: str = "processes"
    """Where the workers run: processes of this machine, or ray (a cluster; all its machines must see RUN)."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.insight.language_probe import check_probe, probe_language
        from ravens_suite.rollout.evaluation_plan import tasks_of

        tasks = (self.task,) if self.task is not None else tasks_of(self.policy)
        done = {}
        with make_pool(self.engine, self.processes(self.episodes)) as pool:
            for task in tasks[1:]:  # The first is checked as it is begun.
                check_probe(self.policy, task, split=self.split, arguments=self.arguments())
            for task in tasks:
                with console.progress(f"{self.policy} on {task}") as progress:
                    probe = probe_language(
                        self.policy,
                        task,
                        split=self.split,
                        episodes=self.episodes,
                        first_seed=self.first_seed,
                        arguments=self.arguments(),
                        out=self.out,
                        force=self.force,
                        pool=pool,
                        on_progress=progress,
                    )
                _say(console, probe)
                done[task] = probe.to_json()
        console.result(next(iter(done.values())) if len(done) == 1 else {"tasks": done})


def _say(console: Console, probe: LanguageProbe) -> None:
    from ravens_suite.cli.listing import say_table
    from ravens_suite.data.language_probes import SENTENCES

    rows: list[tuple[str, ...]] = [
        ("told", "mean score", "success rate", "episodes", "first pick", "first place", "for example")
    ]
    for kind, figures in probe.figures.items():
        shares = [
            "-" if share is None else f"{share.named:.1f} % (chance {share.chance:.1f})"
            for share in (figures.first.get("pick"), figures.first.get("place"))
        ]
        row = figures.summary
        rows.append(
            (
                SENTENCES[kind],
                f"{row.mean_score:.1f}",
                f"{row.success_rate:.1f} %",
                str(row.episodes),
                *shares,
                figures.example,
            )
        )
    console.say(
        f"{probe.plan.policy.label} on {probe.plan.task}, {probe.plan.split}; {probe.seconds:.1f} s; {probe.path}"
    )
    say_table(console, rows)
    console.say("First pick, first place: on what the task's own sentence names, whatever the policy was told.")
