"""A page a task, with its variants: what is to be done, what is seen, how it is scored, pictures, figures."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium

from ravens_suite.benchmark.published import comparable_scores
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.observations import OBSERVATION_GROUPS, keys_of
from ravens_suite.data.tables import read_rows
from ravens_suite.envs.observations import observation_space
from ravens_suite.registry import environment_id, load_task, task_names
from ravens_suite.tasks.base import Task
from site_pages.docstrings import arguments, summary
from site_pages.markdown import page, remove_others, table, toctree, write
from site_pages.pictures import MOMENTS, SPLITS, Gallery

_RESULTS = Path(__file__).resolve().parents[2] / "results"
_WITHOUT_GOAL = tuple(group for group in OBSERVATION_GROUPS if group != "goal")


@dataclass
class Family:
    """A task and its variants.

    Attributes:
        name: registered name of the task.
        task_class: of all of them.
        variants: registered names of the others, with the arguments of the class.
    """

    name: str
    task_class: type[Task]
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)


def families() -> list[Family]:
    """All registered tasks, each with its variants."""
    found: dict[type[Task], Family] = {}
    loaded = {name: load_task(name) for name in task_names()}
    for name, (task_class, given) in loaded.items():
        if not given:
            found[task_class] = Family(name, task_class)
    for name, (task_class, given) in loaded.items():
        if given:
            found.setdefault(task_class, Family(name, task_class)).variants[name] = given
    return list(found.values())


def write_pages(folder: Path, gallery: Gallery | None) -> None:
    """Write the page of every task, and the index.

    Args:
        folder: for the pages.
        gallery: that draws pictures; without one, there are none.
    """
    known = families()
    for family in known:
        write(folder / f"{family.name}.md", task_page(family, gallery))
    write(folder / "index.md", index_page(known, gallery))
    remove_others(folder, ["index.md", *(f"{family.name}.md" for family in known)])


def index_page(known: list[Family], gallery: Gallery | None) -> str:
    """All tasks in one table."""
    rows = []
    for family in known:
        first = f"[{_title(family.name)}]({family.name}.md)"
        picture = _image(gallery.draw(family.name, "test")[-1], f"{family.name}, solved") if gallery else ""
        rows.append([first, summary(family.task_class).split("\n\n")[0].replace("\n", " "), picture])
    return page(
        "# Tasks",
        "Every task is an environment of the same class: the observations, the actions and the scores are alike. The "
        "pictures are drawn when these pages are built, by the scripted oracle in the scene of seed 0.",
        table(["task", "what is to be done", "solved"], rows),
        toctree(family.name for family in known),
    )


def task_page(family: Family, gallery: Gallery | None) -> str:
    """The page of one task."""
    name = family.name
    return page(
        f"# {_title(name)}",
        summary(family.task_class),
        table(["", ""], _facts(name)),
        *_sentences(family.task_class),
        "## Pictures",
        "The scripted oracle in the scene of seed 0 of each split.",
        _pictures(name, gallery),
        "## Observation and action",
        f"Shapes with the published image size and without distractors; `observe` chooses the groups. Units and frames "
        f"are on the page [What an observation is](../observations.md).\n\n{_observation(name)}",
        _action(name),
        *_options(family),
        "## Figures",
        "### Published",
        _published(name),
        "### Of this suite",
        _measured(name),
        _oracle(name),
        *(_variant(variant, given, gallery) for variant, given in family.variants.items()),
    )


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _image(file: str, words: str) -> str:
    return f"![{words}](pictures/{file})"


def _facts(name: str) -> list[list[str]]:
    with gymnasium.make(environment_id(name), observe=["instruction"]) as environment:
        observation, info = environment.reset(seed=0)
        limit = environment.get_wrapper_attr("max_steps")
        task = environment.get_wrapper_attr("task")
    with gymnasium.make(environment_id(f"{name}-continuous"), observe=["instruction"]) as environment:
        waypoints = environment.get_wrapper_attr("max_steps")
    poses = " and ".join(f"`{pose}`" for pose in task.primitive.poses)
    tool = task.primitive.tool.__name__.lower()
    return [
        ["instruction", observation["instruction"] or "none"],
        ["on the command line", f"`{name}`, `{name}-continuous`"],
        ["for `gymnasium.make`", f"`{environment_id(name)}`, `{environment_id(f'{name}-continuous')}`"],
        ["step limit", f"{limit} actions; {waypoints} way-points in the continuous form"],
        ["primitive", f"{task.primitive.name}, with poses {poses}; the tool is called {tool}"],
        ["objects that score", f"{len(info['goals'])} in the training scene of seed 0: {', '.join(info['goals'])}"],
    ]


def _sentences(task_class: type[Task]) -> list[str]:
    """All forms of the instruction, with their slots."""
    forms = task_class.sentences
    if not (forms.training or forms.held_out):
        return []
    rows = [
        [f"`{form}`", wordings]
        for forms_of, wordings in (
            ((task_class.instruction,), "`plain`, `training`"),
            (forms.training, "`training`"),
            (forms.held_out, "`held-out`"),
        )
        for form in forms_of
    ]
    return ["## Sentences", "Words in braces change with the scene.", table(["form", "given with `wording=`"], rows)]


def _pictures(name: str, gallery: Gallery | None) -> str:
    if gallery is None:
        return ""
    drawn = {split: gallery.draw(name, split) for split in SPLITS}
    rows = [
        [split, *(_image(file, f"{name}, {split}, {moment}") for file, moment in zip(files, MOMENTS, strict=True))]
        for split, files in drawn.items()
    ]
    return table(["split", *MOMENTS], rows)


def _observation(name: str) -> str:
    task_class, _ = load_task(name)
    space = observation_space(_WITHOUT_GOAL, published_cameras(), task_class.max_bodies)
    rows = []
    for group in _WITHOUT_GOAL:
        for key in keys_of([group]):
            rows.append([f"`{group}`", f"`{key}`", *_shape(space[key])])
    unique = {row[1]: row for row in reversed(rows)}
    return table(["group", "key", "shape", "dtype"], [row for row in rows if unique[row[1]] is row])


def _action(name: str) -> str:
    with gymnasium.make(environment_id(name), observe=["instruction"]) as environment:
        space: Any = environment.action_space
    rows = [[f"`{key}`", *_shape(part)] for key, part in space.items()]
    return table(["key of an action", "shape", "dtype"], rows)


def _shape(space: gymnasium.Space[Any]) -> list[str]:
    if isinstance(space, gymnasium.spaces.Text):
        return ["", "text"]
    return [str(space.shape).replace(",)", ",)"), str(space.dtype)]


def _options(family: Family) -> list[str]:
    described = arguments(family.task_class)
    names = [name for name in inspect.signature(family.task_class).parameters if name != "split"]
    rows = [[f"`{name}`", described.get(name, "")] for name in names]
    return ["## Options", "Beside those of every environment:", table(["keyword", "meaning"], rows)] if rows else []


def _published(name: str) -> str:
    rows = [row for row in comparable_scores() if row.task == name]
    if not rows:
        return "Nothing is published on this task."
    columns = sorted({row.demos for row in rows})
    scores = {(row.agent, row.demos): f"{row.score:.1f}" for row in rows}
    agents = list(dict.fromkeys(row.agent for row in rows))
    sources = dict.fromkeys(f"- {row.agent}: {row.source}" for row in rows)
    body = [[agent, *(scores.get((agent, demos), "") for demos in columns)] for agent in agents]
    return page(
        "Mean score (total reward x 100) over 100 test episodes, by number of demonstrations.",
        table(["agent", *(str(demos) for demos in columns)], body),
        "Sources:",
        "\n".join(sources),
    )


@cache
def _rows(file: str) -> list[dict[str, str]]:
    return list(read_rows(_RESULTS / file))


def _measured(name: str) -> str:
    rows = [
        [
            row["agent"],
            row["demos"],
            row["seed"],
            f"{float(row['score']):.1f}",
            f"{float(row['strict']):.0f} % ({float(row['low']):.0f} to {float(row['high']):.0f})",
            row["commit"][:7],
        ]
        for row in sorted(_rows("scores.csv"), key=lambda row: (row["agent"], int(row["demos"]), int(row["seed"])))
        if row["task"] == name
    ]
    header = ["agent", "demonstrations", "seed", "mean score", "success rate, 95 % interval", "commit"]
    if not rows:
        return "No agent was measured on this task yet."
    return page(table(header, rows), "What was done and what to beware of: [Results](../results.md).")


def _oracle(name: str) -> str:
    rows = [
        [row["task"], row["split"], row["episodes"], row["score"], row["strict"], row["mean_steps"]]
        for row in _rows("oracle.csv")
        if row["task"] in (name, f"{name}-continuous")
    ]
    header = ["oracle on", "split", "seeds", "mean score", "success rate, %", "mean steps"]
    return table(header, rows)


def _variant(name: str, given: dict[str, Any], gallery: Gallery | None) -> str:
    words = ", ".join(f"`{key}={value!r}`" for key, value in given.items())
    return page(
        f"## {_title(name)}",
        f"The variant with {words}.",
        table(["", ""], _facts(name)),
        _pictures(name, gallery),
        _oracle(name),
    )
