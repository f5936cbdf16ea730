"""Which demonstration taught an agent what (``ravens-suite influence``): the whole job.

Files, below the run's folder:

```text
influence/influence.json                    what was found, see influence_record.py
influence/gradients-<checkpoint>.safetensors  gradients of all demonstrated steps, so that a further question is cheap
influence/pictures/*.png                    the table before the steps that are named
```
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.numbers import check_number, plain
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.run_folder import WATCHED, RunFolder
from ravens_suite.errors import DamagedDataError, MissingDataError, blame
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.insight import scores
from ravens_suite.insight.decisions import Decision, Label, action_to_json, check_numbers, check_scenes, decision_of
from ravens_suite.insight.gradients import datasets_of, step_gradients
from ravens_suite.insight.influence_record import (
    PICTURES,
    RECORD,
    DecisionFound,
    DemonstrationFound,
    Influence,
    StepFound,
    read_influence,
    write_influence,
)
from ravens_suite.insight.pictures import table_before, write_picture
from ravens_suite.insight.training_gradients import (
    PROJECTION,
    TrainingGradients,
    checkpoints_of,
    load_checkpoint,
    training_gradients,
)
from ravens_suite.rollout.environments import to_json
from ravens_suite.rollout.evaluation_plan import EvaluationPlan, plan_evaluation
from ravens_suite.rollout.policies import one_thread
from ravens_suite.rollout.provenance import joined, noted_in, provenance

_LOG = logging.getLogger(__name__)
_MOST_NAMED = 1000


@dataclass(frozen=True)
class Question:
    """A decision that is asked about.

    Attributes:
        task: registered name; the run need not have learnt it.
        seed: of the scene.
        split: of the seed.
        step: number of the action, from 0; ``None`` for the first that earned nothing.
        label: whose action: what the ``agent`` did, or what the ``oracle`` would have done.
        arguments: of the environment, JSON values; options of the task, as of ``evaluate``.
    """

    task: str
    seed: int
    split: Split = "test"
    step: int | None = None
    label: Label = "agent"
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("seed", "step"):
            object.__setattr__(self, name, plain(getattr(self, name)))


def find_influence(
    run: Path | str,
    data: Path | str | None = None,
    questions: Sequence[Question] = (),
    *,
    named: int = 3,
    projection: int = PROJECTION,
    on_progress: Progress = silent,
) -> Influence:
    """Rank the demonstrations of a run, and say which steps bear on some of its decisions; all of it is kept.

    Args:
        run: folder of a finished training run that kept copies of its weights.
        data: folder of all data, with the demonstrations of the run; by default where they were in training.
        questions: decisions.
        named: demonstrated steps that are named for and against each of them.
        projection: numbers kept of each gradient; 0 for whole gradients.
        on_progress: called after every checkpoint and question.

    Returns:
        With all decisions that were ever asked about, as long as the run and the way of looking at it are the same.

    Raises:
        MissingDataError: the run kept no copies of its weights, or a demonstration is not there any more.
        ConflictError: the demonstrations in ``data`` were collected in another way than those of the run. Or another
            process looks into the same run: of decisions that both were asked about, those of one would be lost.
        ConfigError: its agent gives no loss of a single step; or a question has no answer.
        UnknownNameError: there is no such task.
    """
    run = Path(run)
    data = None if data is None else Path(data)
    named = check_number("--named", named, 1, _MOST_NAMED)
    folder = RunFolder(run)
    # A mistake in a question must not show up after minutes of gradients.
    for question in questions:
        check_numbers(question.seed, question.step)
    for asked in _distinct(questions):
        check_scenes(folder, asked.task, asked.split, asked.arguments)
    checkpoints_of(folder)  # What has none is refused before anyone waits for a lock.
    with locked(folder.influence, "writing into"):
        gradients = training_gradients(folder, data, projection=projection, on_progress=on_progress)
        size = gradients.gradients.shape[2]
        found = Influence(
            folder.policy.fingerprint(), gradients.checkpoints, size, rank(gradients), method=gradients.method
        )
        found = replace(found, decisions=_earlier_decisions(folder, found))
        made_by = provenance()
        if found.decisions:  # They stay those of the commands that asked about them.
            made_by = joined(noted_in(folder.influence / RECORD), made_by)
        extra = {"provenance": made_by}
        write_influence(folder, found, extra)
        for done, question in enumerate(questions, 1):
            answer = _answer(folder, gradients, question, named, projection)
            found = found.with_decision(answer)
            write_influence(folder, found, extra)
            on_progress(done, len(questions), f"{question.split} scene {question.seed}")
    return found


def _distinct(questions: Sequence[Question]) -> list[Question]:
    """One question of each environment."""
    return list({(each.task, each.split, repr(each.arguments)): each for each in questions}.values())


def failed_seeds(
    run: Path | str, task: str, split: Split = "test", arguments: Mapping[str, Any] | None = None
) -> list[int]:
    """Scenes on which a run was evaluated and failed, the worst first; none where it was not evaluated.

    What was evaluated before the run was trained on says nothing of the weights of now: it is left out, with a warning.

    Args:
        run: folder of the run.
        task: registered name.
        split: of the scenes.
        arguments: of the environment that it was evaluated in, as ``evaluate`` took them.
    """
    if RunFolder(Path(run)).record()["environments"].get(task, {}).get("id") == "":
        return []  # Its episodes were made elsewhere: there is no environment to be evaluated in.
    plan = plan_evaluation(run, task, split, arguments or {})
    plain = plan.path(None)
    for path in [*([plain] if plain.exists() else []), *sorted(plain.parent.glob(f"{WATCHED}/*/{plain.name}"))]:
        value = read_json(path)
        if not isinstance(value, dict) or value.get("task") != task:
            continue
        if not _is_of(plan, value.get("policy")):
            _LOG.warning(
                "%s is of other weights than the run holds now, so nobody knows which scenes these fail on: evaluate "
                "again, or name scenes with --seeds.",
                path,
            )
            continue
        try:
            outcomes = [EpisodeOutcome.from_json(each) for each in value["results"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedDataError(
                f"{path} is damaged ({error!r}): run ravens-suite evaluate again, or name scenes with --seeds."
            ) from error
        failed = [each for each in outcomes if not each.success and each.steps]
        return [each.seed for each in sorted(failed, key=lambda each: (each.score, each.seed))]
    return []


def _is_of(plan: EvaluationPlan, policy: Any) -> bool:
    """Whether an evaluation that notes a policy is of the weights of now; one that notes none counts."""
    return not isinstance(policy, dict) or policy.get("fingerprint", "") in ("", plan.policy.fingerprint)


def rank(gradients: TrainingGradients) -> tuple[DemonstrationFound, ...]:
    """The demonstrations of a run, the wrong or rare ones first."""
    alone = scores.self_influence(gradients)
    held_out = scores.held_out_losses(gradients).mean(axis=0)
    losses = scores.demonstration_losses(gradients).mean(axis=0)
    steps, groups = np.bincount(gradients.owners), scores.groups(gradients)
    found = [
        DemonstrationFound(
            task=task,
            seed=seed,
            steps=int(steps[index]),
            self_influence=float(alone[index]),
            held_out_loss=float(held_out[index]),
            loss=float(losses[index]),
            group=groups[index],
            folder=folder,
        )
        for index, (task, seed, folder) in enumerate(gradients.demonstrations)
    ]
    return tuple(sorted(found, key=lambda each: (-each.self_influence, each.task, each.seed)))


def decision_gradients(run: RunFolder, decision: Decision, projection: int) -> NDArray[np.float64]:
    """Gradients of the loss of the action that is asked about, (checkpoints, size) float64."""
    rows, dataset = [], None
    for folder in checkpoints_of(run).values():
        agent = load_checkpoint(folder)
        with one_thread("agent"):
            if dataset is None:
                with blame(f"make_dataset of the agent {agent.name}"):
                    ((dataset, _),) = datasets_of(agent, [decision.episode])
            rows.append(step_gradients(agent, [(dataset, [decision.step])], projection).gradients[0])
    return np.stack(rows).astype(np.float64)


def _earlier_decisions(run: RunFolder, now: Influence) -> tuple[DecisionFound, ...]:
    """Decisions that were asked about before, unless the run is another one now, or is looked at in another way."""
    try:
        earlier = read_influence(run)
    except (MissingDataError, DamagedDataError):
        return ()
    same = (earlier.weights, earlier.checkpoints, earlier.method) == (now.weights, now.checkpoints, now.method)
    return earlier.decisions if same else ()


def _answer(
    run: RunFolder, gradients: TrainingGradients, question: Question, named: int, projection: int
) -> DecisionFound:
    with decision_of(
        run,
        question.task,
        question.seed,
        split=question.split,
        step=question.step,
        label=question.label,
        arguments=question.arguments,
    ) as decision:
        of_decision = decision_gradients(run, decision, projection)
        influence = scores.influence_on(gradients, of_decision)
        cosine = scores.mean_cosines(gradients, of_decision)
        order = [int(index) for index in np.argsort(-influence, kind="stable")]

        def name(indices: Sequence[int]) -> tuple[StepFound, ...]:
            return tuple(_name(run, gradients, index, influence[index], cosine[index]) for index in indices)

        return DecisionFound(
            decision.task,
            decision.split,
            decision.seed,
            decision.step,
            decision.label,
            action_to_json(decision.did),
            action_to_json(decision.action),
            decision.reward,
            decision.success,
            _picture(run, decision.episode, decision.step),
            name([index for index in order if influence[index] > 0][:named]),
            name([index for index in reversed(order) if influence[index] < 0][:named]),
            to_json(decision.options),
        )


def _name(run: RunFolder, gradients: TrainingGradients, index: int, influence: float, cosine: float) -> StepFound:
    step = gradients.steps[index]
    episode = EpisodeReader(step.path)
    action = {key: values[step.step] for key, values in episode.actions().items()}
    picture = _picture(run, episode, step.step)
    return StepFound(
        step.task, step.seed, step.step, float(influence), float(cosine), action_to_json(action), picture, step.folder
    )


def _picture(run: RunFolder, episode: EpisodeReader, step: int) -> str:
    """Keep a picture of the table before a step; its file name, empty where there is nothing to show.

    What was drawn already is not drawn again: the name holds the episode's checksum.
    """
    summary = episode.summary
    name = f"{summary.task}-{summary.split}-{summary.seed}-{step}-{episode.checksum[:8]}.png"
    path = run.influence / PICTURES / name
    if not path.exists():
        color = table_before(episode, step)
        if color is None:
            return ""
        write_picture(path, color)
    return name
