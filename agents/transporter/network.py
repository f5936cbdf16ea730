"""The network of the Transporter: an encoder, a pick head, and a place head at each of two resolutions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..common.equivariant import LiftingConv
from ..common.sampling import angle_grid, sample
from ..common.sentences import FORMS, MENTIONS, PHRASES, ROLES, SentenceBatch, SentenceNet, form_of
from ..common.word_encoders import OWN, width
from ..pick_place.dataset import PickPlaceDataset
from ..pick_place.habits import TASKS, Habits, heard
from ..pick_place.history import NEVER_SAID, UNKNOWN
from .config import COARSE, FINE, TransporterConfig
from .encoder import CHANNELS, Encoder, Features
from .heads import PickHead, PlaceHead
from .outlook import Outlook
from .same_color import SameColor, asked_names

_SAID = 32
"""Length of the vector of a sentence."""
LATER_BUFFERS = ("least_move", "slots", "habits_of_tasks", "words_of_tasks")
"""What was added to the habits of demonstrations since agents are saved; zeros mean that nothing is known."""


class SceneFeatures(NamedTuple):
    """Features of images that do not depend on the pick, so that several picks share them.

    Attributes:
        features: of the encoder.
        coarse_key: (batch, F * 4, rows / 4, columns / 4), what the coarse keys of all picks are made from.
        fine_key: (batch, F * 4, rows / 2, columns / 2), what the fine keys of all picks are made from.
        said: (batch, 32) vectors of the sentences, where there are any.
        prior: (batch, rows / 4, columns / 4) float32 of ``Outlook.prior``, where there is one.
        names: (batch, 12, rows / 4, columns / 4) float32 of ``asked_names``, where there are sentences.
    """

    features: Features
    coarse_key: Tensor
    fine_key: Tensor
    said: Tensor | None = None
    prior: Tensor | None = None
    names: Tensor | None = None


class PlaceFeatures(NamedTuple):
    """Steerable query and key features of picks, float32; see ``matching.py``.

    Attributes:
        query: (batch, ``coarse_outputs`` * 4, side, side) around the pick, on the coarse map.
        key: (batch, ``coarse_outputs`` * 4, rows / 4, columns / 4).
        fine_query: (batch, ``fine_outputs`` * 4, side, side) around the pick, on the fine map.
        fine_key: (batch, ``fine_outputs`` * 4, rows / 2, columns / 2).
        prior: (batch, rows / 4, columns / 4), what is added to the logits of all angles, if anything is.
    """

    query: Tensor
    key: Tensor
    fine_query: Tensor
    fine_key: Tensor
    prior: Tensor | None = None


class TransporterNet(nn.Module):
    """All weights of the agent.

    The names of modules and buffers are those of earlier versions (``trunk`` is the encoder, ``habits`` are the
    demonstration statistics), so that the weights and the training states that these saved still load.

    Args:
        config: settings.
        channels: of the images: ``CHANNELS``, as many again for each other scene that is shown, and ``COUNTS`` where
            numbers are.
        listens: whether it is told what to do.

    Attributes:
        turning: () bool buffer, ``Habits.turning`` of all demonstrations; if not, zero is the only place angle.
        habits: (2,) float32 buffer, ``Habits.repick`` and ``sharing``.
        least_move: () float32 buffer, ``Habits.least_move``.
        slots: () float32 buffer, ``Habits.slots``.
        habits_of_tasks: (32, 6) float32 buffer of ``TaskTallies.tables``, with zeros where there is no task; ``None``
            for a network that does not listen.
        words_of_tasks: (32, 4093) float32 buffer of ``TaskTallies.tables``, likewise.
        returns: (1021,) float32 buffer, ``returns_by_form``; ``None`` for a network that does not listen.
    """

    turning: Tensor
    habits: Tensor
    least_move: Tensor
    slots: Tensor
    habits_of_tasks: Tensor | None
    words_of_tasks: Tensor | None
    returns: Tensor | None

    def __init__(self, config: TransporterConfig, channels: int = CHANNELS, *, listens: bool = False) -> None:
        super().__init__()
        fine, coarse = config.widths[:2]
        said = _SAID if listens else 0
        ordered = listens and config.remembers
        shaped = listens and config.shape_words
        named = ROLES * listens + MENTIONS * ordered + ROLES * shaped
        self.trunk = Encoder(channels + named, config.widths, config.depth)
        self.pick = PickHead(fine, said)
        self.coarse = PlaceHead(coarse, coarse, config.coarse_outputs, config.coarse_radius, said)
        self.fine = PlaceHead(fine, coarse, config.fine_outputs, config.fine_radius, said)
        given = width(config.words) if listens and config.words != OWN else 0
        self.sentence = SentenceNet(_SAID, ordered=ordered, given=given, shaped=shaped) if listens else None
        # After all others, whose first weights are as they would be without it.
        self.where = LiftingConv(2, fine, kernel=4, stride=2, padding=1) if listens else None
        self.outlook = Outlook(given, shaped=shaped) if listens and config.outlook else None
        self.same_color = SameColor() if listens else None
        self.register_buffer("turning", torch.tensor(True))
        self.register_buffer("habits", torch.full((2,), 0.5))
        self.register_buffer("least_move", torch.tensor(0.0))
        self.register_buffer("slots", torch.tensor(0.0))
        self.register_buffer("habits_of_tasks", torch.zeros(TASKS, len(Habits._fields)) if listens else None)
        self.register_buffer("words_of_tasks", torch.zeros(TASKS, PHRASES) if listens else None)
        self.register_buffer("returns", torch.full((FORMS,), 0.5) if listens else None)

    def read(self, image: Tensor, sentence: SentenceBatch | None = None) -> SceneFeatures:
        """Features of images, before any pick.

        Args:
            image: (batch, channels, rows, columns) float32 of ``encode_image``.
            sentence: what is said about them, if the network ``listens``.
        """
        said, where, prior, names = None, None, None, None
        if self.sentence is not None:
            assert sentence is not None
            prior = None if self.outlook is None else self.outlook.prior(image, sentence)
            maps, said = self.sentence(sentence)
            names = asked_names(sentence)
            image = torch.cat([image, maps.float()], dim=1).contiguous(memory_format=torch.channels_last)
            where = self._directions(sentence.where)
        features = self.trunk(image, where)
        keys = self.coarse.shared_key(features.coarse), self.fine.shared_key(features.fine)
        return SceneFeatures(features, *keys, said, prior, names)

    def missing_in_old_weights(self) -> dict[str, Tensor]:
        """What old weights lack, so that their agents act as they did.

        They know no directions, outlook, same colour, giving up, slots, or tasks.

        Returns:
            Tensors by name, of any shape, float32.
        """
        added = {"where": self.where, "outlook": self.outlook, "same_color": self.same_color}
        own = {
            f"{name}.{key}": value for name, part in added.items() if part for key, value in part.state_dict().items()
        }
        weights = {name: torch.zeros_like(value) for name, value in own.items()}
        for name in LATER_BUFFERS:
            if (buffer := getattr(self, name)) is not None:
                weights[name] = torch.zeros_like(buffer)
        return weights if self.returns is None else {**weights, "returns": torch.full_like(self.returns, 0.5)}

    def _directions(self, maps: Tensor | None) -> Tensor | None:
        """What is added to the first features where a sentence names a direction; there, orientations differ.

        Args:
            maps: (batch, 2, rows, columns) of ``direction_maps``; zeros for sentences that name none.
        """
        if self.where is None or maps is None:
            return None
        named = maps.abs().amax(dim=(1, 2, 3), keepdim=True) > 0
        result: Tensor = self.where(maps) * named
        return result

    def place_features(self, scene: SceneFeatures, pick: Tensor) -> PlaceFeatures:
        """Query and key features of picks.

        Args:
            scene: of one image for each pick, or of one image for all of them.
            pick: (batch, 2) float32 heightmap pixels (column, row).
        """
        coarse, fine = (maps.expand(len(pick), -1, -1, -1) for maps in (scene.features.coarse, scene.features.fine))
        context = sample(coarse.float(), pick[:, None] / COARSE)[..., 0]
        said = None if scene.said is None else scene.said.expand(len(pick), -1)
        return PlaceFeatures(
            query=self.coarse.query(coarse, pick / COARSE),
            key=self.coarse.key(scene.coarse_key, context, said),
            fine_query=self.fine.query(fine, pick / FINE),
            fine_key=self.fine.key(scene.fine_key, context, said),
            prior=self._prior(scene, pick),
        )

    def _prior(self, scene: SceneFeatures, pick: Tensor) -> Tensor | None:
        """What is added to the logits of places: what the outlook expects, and where the same colour is."""
        if self.same_color is None or scene.names is None:
            return None
        same: Tensor = self.same_color(scene.names.expand(len(pick), -1, -1, -1), pick)
        return same if scene.prior is None else same + scene.prior

    def learn_habits(self, dataset: PickPlaceDataset) -> None:
        """Take over how demonstrations move things, and what is said of their tasks."""
        habits = dataset.habits
        self.turning.fill_(habits.turning)
        self.habits.copy_(torch.tensor([habits.repick, habits.sharing]))
        self.least_move.fill_(habits.least_move)
        self.slots.fill_(habits.slots)
        tables = {
            "habits_of_tasks": dataset.habits_of_tasks,
            "words_of_tasks": dataset.words_of_tasks,
            "returns": dataset.returns,
        }
        for name, table in tables.items():
            if (buffer := getattr(self, name)) is not None:
                buffer[: len(table)] = torch.from_numpy(table)
                buffer[len(table) :] = 0

    def habits_now(self, instruction: str | None) -> Habits:
        """How demonstrations of the task that an instruction belongs to move things; of all, if it is not known."""
        if instruction is not None and self.habits_of_tasks is not None and self.words_of_tasks is not None:
            task = heard(instruction, self.words_of_tasks.cpu().numpy())
            if task is not None:
                # What is turned in any task may be turned in all: a kit that is taken for a rope must be.
                return Habits(*self.habits_of_tasks[task].tolist())._replace(turning=bool(self.turning))
        repick, sharing = self.habits.tolist()
        return Habits(bool(self.turning), repick, sharing, float(self.least_move), float(self.slots), UNKNOWN)

    def returns_now(self, instruction: str) -> float:
        """How often demonstrations take up again what was laid under such an instruction, see ``returns_by_form``.

        Of one in a form that none of them has, how often those of the task that it belongs to do so.
        """
        if self.returns is None:
            return UNKNOWN
        found = float(self.returns[form_of(instruction)])
        return self.habits_now(instruction).returns if found == NEVER_SAID else found

    def angles(self, count: int, *, turning: bool) -> Tensor:
        """(count,) float32 radians: evenly spaced place angles from zero; (1,) zero if nothing is turned."""
        return angle_grid(count if turning else 1, self.turning.device)
