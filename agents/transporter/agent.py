"""Transporter: a pick map chooses an object, and cross-correlation of learned features places it.

After Transporter Networks (arXiv 2010.14406), made small and equivariant. One U-Net of layers that are equivariant to
quarter turns (arXiv 1602.07576) encodes the heightmap; it has two decoders, one of them for picking alone. The pick
map and the query and key features of placing are light heads on it. Query features are steerable, so that one pass
serves all place angles (``matching.py``), and placing goes from a coarse map to a fine one (``placing.py``).

Each demonstrated pick teaches all picks on the same object (``pick_place/steps.py``), in scenes whose free objects are
pasted elsewhere (``pick_place/free_objects.py``). The best places of several picks are scored jointly before one is
carried out (``joint_rescoring.py``). Where demonstrations put objects into slots of their own outlines, the outlines of
both are compared, too (``pick_place/slot_fit.py``). No two moves in a row are far shorter than all demonstrated ones.
Failed picks are not repeated, and placed objects are left alone as often as demonstrations leave them alone
(``pick_place/history.py``). Where one move should have carried out a sentence that still stands, what it placed may be
taken up, and is not laid where it lies.

Where an instruction is observed, its colour words become maps of where such colours are seen, and its shape words maps
of what has such an outline (``common/sentences.py``). They are further channels of the input, and a vector of the
sentence modulates picking and placing. The images of examples whose sentences name colours have their hues turned at
random, so that only the words say what a colour is for. Where a sentence names a direction, maps of the table's own
axes break the equivariance to quarter turns, by which left could not be told from right.

Steps at which a sentence is new are drawn more often, since later the scene shows what is meant. Where only what it
laid down itself is left to pick, and demonstrations never take that up, it gives up.

Where a goal is observed, the heightmap of the finished scene is further channels of the encoder's input, and a step's
goal is moved with its scene (``pick_place/goal_scenes.py``). With ``lookahead``, candidates are searched for what leads
to the goal (``planning.py``). With ``remembers``, the first scene of the episode is shown in the same way:
what has been moved since cannot be seen any more. Then the colour words of a sentence are also shown one by one, in
their order, so that a task of several steps can be followed by one sentence. With ``counts``, further channels say how
many things there are like each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import GOAL, Interface, Observation, instruction_in
from ravens_suite.core.policy import Action as PolicyAction
from ravens_suite.core.types import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import ConfigError, OracleGaveUpError

from ..base import Agent
from ..common.ahead import Ahead
from ..common.counts import COUNTS
from ..common.cuda_graph import RecordedStep, moved
from ..common.devices import choose_bfloat16, choose_device
from ..common.heatmaps import explain_logits
from ..common.optimiser import Optimiser, OptimiserConfig
from ..pick_place.augmentation import UNCHANGED, Augmentation, Example, augment
from ..pick_place.dataset import KEYS, PickPlaceDataset
from ..pick_place.halving import part_of
from ..pick_place.history import History, Move
from ..pick_place.plane import to_pose
from ..pick_place.steps import Step
from .candidates import Candidates, find_candidates
from .config import TransporterConfig
from .decision import Decision, decide
from .encoder import CHANNELS
from .examples import StepInputs, augmentation_for, fitting, read_sentences, told_batch
from .joint_rescoring import check_assignments
from .losses import Batch, compute_losses, draw, make_batch
from .network import LATER_BUFFERS, TransporterNet
from .outlook import OutlookBatch, filled_cells
from .planning import plan

_PARTS = 160, 224
"""Rows of the table that parts of it show; the second where pick and place are too far apart for the first.

With 128 in place of 160 rows manipulating-rope came to about 92 points on validation scenes, where 160 had given 96 to
100. The network halves maps five times, so both are multiples of 32.
"""
_TRIES = 4
"""Examples that are made for each one of the smaller part, at most."""
_NEVER = 0.05
"""Demonstrations count as never taking up again what was laid where the estimated probability is below this: from ten
moves on that do not."""


_Told = tuple[Heightmap, Heightmap | None, str | None]
"""What a decision is made of: the scene, the finished one, and the instruction."""


class Transporter(Agent[PickPlaceDataset]):
    """The agent. See the module's docstring."""

    name = "transporter"
    config_type = TransporterConfig
    config: TransporterConfig
    observation_keys = KEYS
    action_keys = ("pick", "place")
    tilts = False
    conditions = ("goal", "instruction")
    acting_settings = ("gives_up", "lookahead", "picks")

    def __init__(
        self, config: TransporterConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.device = choose_device(self.config.device)
        self.use_bfloat16 = choose_bfloat16(self.config.precision, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            channels = CHANNELS * (1 + self.shows_goal + self.config.remembers) + COUNTS * self.config.counts
            self.net = TransporterNet(self.config, channels, listens=self.listens).to(self.device)
        self.optimiser = Optimiser(
            self.net,
            OptimiserConfig(
                self.config.steps, self.config.learning_rate, self.config.weight_decay, self.config.average
            ),
        )
        self._history = History()
        self._recorded = RecordedStep(self._learn, self.device)
        self._ahead: tuple[PickPlaceDataset, Ahead[StepInputs]] | None = None
        self._confidence: float | None = None
        self._decided: tuple[_Told, Decision] | None = None

    @classmethod
    def check_config(cls, config: TransporterConfig, interface: Interface) -> None:
        """See ``Trainee``: a search needs a goal picture; without one, all picks are given places together."""
        if config.lookahead and interface.observation and not _shows_goal(interface):
            raise ConfigError(
                "lookahead searches for what leads to a goal picture, and none is observed here: leave it out of "
                "--config, or collect with --observe images goal."
            )
        if not config.lookahead:
            check_assignments(config.picks, config.candidates)

    @classmethod
    def _settings_to_act(cls, config: dict[str, Any], interface: Interface) -> dict[str, Any]:
        # What was saved before there was this setting was not shown shapes.
        given = super()._settings_to_act({"shape_words": False, **config}, interface)
        # Runs from before a search without a goal picture was refused never searched.
        return given if _shows_goal(interface) else {**given, "lookahead": 0}

    @property
    def shows_goal(self) -> bool:
        """Whether it is made for environments that show the finished scene."""
        return _shows_goal(self.interface)

    @property
    def listens(self) -> bool:
        """Whether it is made for environments that say what to do."""
        return "instruction" in self.interface.observation

    @property
    def places_upright(self) -> bool:
        """Whether no place of its is tilted: then an object that was put back as it lay is laid in another way."""
        return not self.tilts

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory."""
        return PickPlaceDataset.from_demonstrations(
            demonstrations,
            goals=self.shows_goal,
            instructions=self.listens,
            first_scenes=self.config.remembers,
        )

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One gradient step on freshly augmented examples.

        Returns:
            Losses ``pick``, ``place`` (coarse), ``refine`` and, where it is told something, ``outlook``; and the
            ``learning_rate``.
        """
        for net in (self.net, self.optimiser.ema):
            net.learn_habits(dataset)
        if self._ahead is None or self._ahead[0] is not dataset:
            make = partial(self.step_inputs, dataset, self.augmentation(len(dataset)))
            self._ahead = dataset, Ahead(make, self.config.steps, self.config.workers)
        inputs = self._ahead[1].get(step)
        rate = self.optimiser.begin(step)
        losses = self._recorded(inputs)
        self.optimiser.finish(step)
        # All at once: a GPU is waited for once.
        figures = torch.stack(list(losses.values())).tolist()
        return {**dict(zip(losses, figures, strict=True)), "learning_rate": rate}

    def step_inputs(self, dataset: PickPlaceDataset, augmentation: Augmentation, step: int) -> StepInputs:
        """Augmented examples and random numbers of a gradient step, a function of (seed, step), on the CPU."""
        rng = np.random.default_rng([self.seed, step])
        hindsight = self.config.hindsight if self.shows_goal else 0.0
        news = self.config.news if self.listens else 0.0

        def example() -> Example:
            found = dataset.sample(rng, hindsight, news)
            return augment(self._shown(found), fitting(self.config, augmentation, found), rng)

        if not self.listens and self._shows_part(step):
            examples = self._parts(example, rng)
        else:
            examples = [example() for _ in range(self.config.batch)]
        batch = self.examples_to_batch(examples, rng, augmentation.word_colors)
        if self.net.outlook is not None:
            batch = batch._replace(outlook=self._outlook_batch(dataset, augmentation, rng))
        draws = draw(self.config, len(examples), rng, turning=dataset.habits.turning)
        return StepInputs(batch, draws, torch.tensor(self.pick_weight(step, turning=dataset.habits.turning)))

    def _shows_part(self, step: int) -> bool:
        """Whether a step's examples show part of the table. The last ones before weights are kept show all of it."""
        ends = any((first + end) / 2 <= step < end for first, end in self.optimiser.periods)
        return step < self.config.halves * self.config.steps and not ends

    def _parts(self, example: Callable[[], Example], rng: np.random.Generator) -> list[Example]:
        """Examples of part of the table; of all of it if pick and place are too far apart."""
        wholes, parts = list[Example](), list[Example]()
        small, large = _PARTS
        while len(parts) < self.config.batch and len(wholes) < _TRIES * self.config.batch:
            wholes.append(example())
            part = part_of(wholes[-1], small, rng)
            parts += [] if part is None else [part]
        if len(parts) == self.config.batch:
            return parts
        wholes = wholes[: self.config.batch]
        found = [part_of(whole, large, rng) for whole in wholes]
        larger = [part for part in found if part is not None]
        return larger if len(larger) == len(wholes) else wholes

    def _shown(self, step: Step) -> Step:
        """A step as the network is shown it: without the scene at its sentence's end, from which the outlook learns."""
        return step if self.shows_goal else replace(step, goal=None)

    def _outlook_batch(
        self, dataset: PickPlaceDataset, augmentation: Augmentation, rng: np.random.Generator
    ) -> OutlookBatch:
        # Objects that are scattered together with their goal, or added, do not lie where the end of the sentence shows
        # them. A loose thing that lies elsewhere does end there. Of numbers it is shown none.
        plain = replace(augmentation, scatter=0.0, remaining=0.0, unfinished=0.0, nudged=0.0, counts=False)
        steps = (dataset.sample_sentence(rng) for _ in range(self.config.outlook))
        examples = [augment(step, fitting(self.config, plain, step), rng) for step in steps]
        bare = [replace(example, goal=None, first=None) for example in examples]
        batch = self.examples_to_batch(bare, rng, augmentation.word_colors)
        assert batch.sentence is not None
        return OutlookBatch(batch.image, batch.sentence, filled_cells(examples))

    def _learn(self, inputs: StepInputs) -> dict[str, Tensor]:
        """Losses of a batch, and weights changed by their gradient; all on the device."""
        losses = compute_losses(self.net, self.config, inputs.batch, inputs.draws, use_bfloat16=self.use_bfloat16)
        self.optimiser.descend(self._weighted(losses, inputs.pick_weight))
        return {name: loss.detach() for name, loss in losses.items()}

    def _weighted(self, losses: Mapping[str, Tensor], pick_weight: Tensor) -> Tensor:
        """The loss that a gradient step descends, () float32."""
        loss = losses["place"] + pick_weight * losses["pick"] + self.config.refine_weight * losses["refine"]
        # It shares no weights with the others.
        return loss + losses["outlook"] if "outlook" in losses else loss

    def example_loss(self, dataset: PickPlaceDataset, step: int) -> Tensor:
        """See ``Agent``: the loss of one step in its scene as it was, weighted as at the end of the run.

        Pick on the object, first place angle and simulated error of the coarse place are drawn by the step alone.
        """
        rng = np.random.default_rng([self.seed, step])
        example = augment(self._shown(dataset.episodes[0][step]), replace(UNCHANGED, counts=self.config.counts), rng)
        batch = make_batch([example])
        if self.listens:
            batch = batch._replace(sentence=read_sentences(self.config, [example]))
        turning = bool(self.net.turning)
        weight = torch.tensor(self.pick_weight(self.config.steps, turning=turning))
        inputs = StepInputs(batch, draw(self.config, 1, rng, turning=turning), weight)
        batch, draws, weight = moved(inputs, self.device)
        return self._weighted(compute_losses(self.net, self.config, batch, draws, use_bfloat16=False), weight)

    def trained_parameters(self) -> dict[str, nn.Parameter]:
        """See ``Agent``."""
        return dict(self.net.named_parameters())

    def examples_to_batch(
        self, examples: Sequence[Example], rng: np.random.Generator, word_colors: float = 0.0
    ) -> Batch:
        """Examples as tensors on the CPU; with sentences where it is told something (``told_batch``)."""
        few_shapes = self.device.type == "cuda"
        if not self.listens:
            return make_batch(examples, few_shapes=few_shapes)
        return told_batch(self.config, examples, rng, word_colors, few_shapes=few_shapes)

    def wind_down(self, periods: Sequence[tuple[int, int]]) -> None:
        """See ``Agent``."""
        if tuple(periods) != self.optimiser.periods:
            self._ahead = None  # What was made ahead was of steps with other examples.
        self.optimiser.periods = tuple(periods)

    def pick_weight(self, step: int, *, turning: bool) -> float:
        """Weight of the pick loss at a step; it grows over the run unless no demonstration turns its object."""
        first = self.config.pick_weight
        last = self.config.late_pick_weight if turning else first
        return first + (last - first) * min(1.0, 2 * step / self.config.steps)

    def augmentation(self, demos: int) -> Augmentation:
        """Augmentation for a number of demonstrations: the fewer there are, the more examples are altered."""
        return augmentation_for(self.config, demos, listens=self.listens)

    # ------------------------------------------------------------------ acting

    def reset(self, seed: int = 0) -> None:
        """An episode begins: the history of the last one is dropped. The agent draws nothing, so no seed is used."""
        self._history.reset()
        self._confidence = self._decided = None

    def confidence(self) -> float | None:
        """Probability of the pick (within 22 mm) and of the place (its window and yaw) that ``act`` chose last."""
        return self._confidence

    def act(self, observation: Observation) -> PolicyAction:
        """The pick and the place with the best joint score.

        Args:
            observation: with ``observation_keys``, the same of the goal if it is made for that, and the instruction if
                it is made for that; the next one of the episode that began with ``reset``.

        Returns:
            ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
        """
        return self.action(fuse_observation(observation), self._goal(observation), self._said(observation)).to_dict()

    def _goal(self, observation: Observation) -> Heightmap | None:
        return fuse_observation(observation, GOAL) if self.shows_goal else None

    def _said(self, observation: Observation) -> str | None:
        if not self.listens:
            return None
        said = instruction_in(observation)
        if said is None:
            raise ConfigError(
                f"{self.name} learned from demonstrations with sentences: say what to do in the observation, under the "
                "key instruction."
            )
        return said

    def action(self, heightmap: Heightmap, goal: Heightmap | None = None, instruction: str | None = None) -> Action:
        """The action for a fused heightmap, the next one of the episode that began with ``reset``.

        Args:
            heightmap: of the scene.
            goal: of the finished scene, if ``shows_goal``.
            instruction: if it ``listens``.

        Raises:
            OracleGaveUpError: all that is left to pick is what it has laid where the instruction wants it, as far as
                it can tell.
        """
        self._history.observe(heightmap)
        self._history.hear(instruction)
        decision = self.decide(heightmap, goal, instruction)
        self._check_that_something_is_left(decision.pick, instruction)
        turns = self.optimiser.ema.habits_now(instruction).turning and self.places_upright
        self._history.record(Move(heightmap, decision.pick, decision.place), decision.yaw if turns else None)
        self._confidence, self._decided = decision.probability, ((heightmap, goal, instruction), decision)
        pick = to_pose(decision.pick, heightmap, 0.0)
        return Action(pick, to_pose(decision.place, heightmap, decision.yaw))

    def _check_that_something_is_left(self, pick: Array, instruction: str | None) -> None:
        if instruction is None or not self.config.gives_up:
            return
        if self._history.takes_up_again(pick) and self.optimiser.ema.returns_now(instruction) < _NEVER:
            raise OracleGaveUpError("What it would pick next is what it has laid there itself.")

    def explain(self, observation: Observation) -> dict[str, Any]:
        """The heightmap, and the pick and place probabilities over it.

        Places are those of the chosen pick on the coarse map, before refinement and joint rescoring, so the action may
        differ from both maxima. After ``act`` with the same observation, what is explained is that action.

        Returns:
            ``color`` (320, 160, 3) uint8, ``height`` (320, 160) float32 metres, and ``pick`` and ``place`` (320, 160)
            float32.
        """
        told = fuse_observation(observation), self._goal(observation), self._said(observation)
        # Decided once more after it was carried out, it would be another one: the move would be of the past.
        last = self._decided
        decision = last[1] if last is not None and _is_same(last[0], told) else self.decide(*told)
        return explain_logits(told[0], decision.pick_logits, decision.place_logits)

    def decide(self, heightmap: Heightmap, goal: Heightmap | None = None, instruction: str | None = None) -> Decision:
        """What to do about a heightmap at this point of the episode, by the averaged (EMA) weights."""
        net, settings = self.optimiser.ema, self.config
        shown = self._shown_now(heightmap, goal, instruction)

        def find(scene: Heightmap, *, all_picks: bool = True) -> Candidates:
            return find_candidates(net, settings, scene, self._history, all_picks=all_picks, **shown)

        if goal is not None and settings.lookahead:
            return plan(settings, heightmap, goal, find)
        return decide(settings, find(heightmap, all_picks=False))

    def _shown_now(self, heightmap: Heightmap, goal: Heightmap | None, instruction: str | None) -> dict[str, Any]:
        """What ``find_candidates`` is told beside the scene, at this point of the episode."""
        shown: dict[str, Any] = {"goal": goal, "instruction": instruction, "tilts": not self.places_upright}
        shown["use_bfloat16"] = self.use_bfloat16
        if self.config.remembers:
            shown["first"] = heightmap if self._history.first is None else self._history.first
        return shown

    # ------------------------------------------------------------------ state

    def weights(self) -> dict[str, Tensor]:
        """The averaged (EMA) weights. See ``Trainee``."""
        return dict(self.optimiser.ema.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Set both the network that acts and the one that is trained. See ``Trainee``."""
        weights = {**self.net.missing_in_old_weights(), **weights}
        self.optimiser.ema.load_state_dict(weights)
        self.net.load_state_dict(weights)

    def training_state(self) -> dict[str, Tensor]:
        """Weights, their moving average, and the optimiser's moments. See ``Trainee``."""
        return self.optimiser.state()

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``. See ``Trainee``."""
        # What runs of before there was it lack; the next step takes the bound from the demonstrations.
        buffers = {name: getattr(self.net, name) for name in LATER_BUFFERS}
        missing = {name: torch.zeros_like(buffer) for name, buffer in buffers.items() if buffer is not None}
        if self.net.outlook is not None:
            missing["outlook.trusts.weight"] = torch.zeros_like(self.net.outlook.trusts.weight)
        if self.net.same_color is not None:
            missing["same_color.trust"] = torch.zeros_like(self.net.same_color.trust)
        added = {f"{copy}.{name}": value for copy in ("net", "average") for name, value in missing.items()}
        self.optimiser.set_state({**added, **state})


def _shows_goal(interface: Interface) -> bool:
    """Whether environments show the finished scene."""
    return all(GOAL + key in interface.observation for key in KEYS)


def _is_same(one: _Told, other: _Told) -> bool:
    """Whether two decisions are made of the same."""
    pairs = [(a, b) for a, b in zip(one[:2], other[:2], strict=True) if a is not None or b is not None]
    return one[2] == other[2] and all(
        a is not None
        and b is not None
        and np.array_equal(a.height, b.height, equal_nan=True)
        and np.array_equal(a.color, b.color)
        for a, b in pairs
    )
