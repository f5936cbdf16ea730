"""Shape words, and where what they name is seen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ravens_suite.agents.common.color_words import name_colors
from ravens_suite.agents.common.sentences import SentenceNet, make_sentences, names_a_bare_shape, resolve
from ravens_suite.agents.common.shape_words import drawings, likeness, shape_words, things
from ravens_suite.agents.pick_place.kept_heightmaps import KEYS
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.tasks.language._shapes import NAMES

TABLE, RED, BOARD = (51, 51, 51), (229, 60, 60), (156, 117, 95)
MANY_NAMES = {"letter o", "letter d", "letter q", "digit 0", "digit 8", "letter b", "letter i", "letter s", "letter z"}
"""Of plain strokes: what looks much like another figure, turned or seen in a mirror."""


def scene(*named: str, size: int = 24, turn: float = 0.0, holes: bool = False) -> Heightmap:
    """Drawings beside each other, as red things 2 cm high or as holes in a board."""
    rows, columns = 48, 48 * len(named)
    color = np.full((rows, columns, 3), BOARD if holes else TABLE, np.uint8)
    height = np.full((rows, columns), 0.01 if holes else 0.0, np.float32)
    for index, name in enumerate(named):
        drawing = drawings()[name][0]
        middle = (drawing.shape[0] - 1) / 2
        matrix = cv2.getRotationMatrix2D((middle, middle), np.degrees(turn), size / drawing.shape[0])
        matrix[:, 2] += 24 - middle
        mask = cv2.warpAffine(drawing, matrix, (48, 48), flags=cv2.INTER_AREA) > 0.5
        window = slice(None), slice(48 * index, 48 * (index + 1))
        color[window][mask] = TABLE if holes else RED
        height[window][mask] = 0.0 if holes else 0.02
    return Heightmap(color, height)


def fits(shown: Heightmap, *shapes: str) -> NDArray[np.float32]:
    return likeness(name_colors(shown.color), shown.height, shapes)


def test_which_words_name_a_shape() -> None:
    assert shape_words("Pack the letter R in the brown box") == [None, None, None, "letter r", None, None, None, None]
    assert shape_words("the disc, the digit seven and number 4") == [
        *(None, "circle", None, None, "digit 7", None, None, "digit 4")
    ]
    assert not any(shape_words("put a block in a bowl")) and shape_words("") == []
    assert not any(shape_words("the letter goes in a box")), "a letter of which nothing is said"


def test_every_shape_that_tasks_name_is_a_shape_word() -> None:
    assert all(shape_words(name)[-1] == name.lower() for name in NAMES)


@pytest.mark.parametrize(
    ("sentence", "bare"),
    [
        ("put the star into the brown box", True),
        ("put the letter R into the brown box", True),
        ("place the cyan letter A into the top letter A slot", True),
        ("move the red ring to the middle rod", False),
        ("place the cyan letter A", False),
        ("put the red block in a bowl", False),
    ],
)
def test_what_is_named_by_its_shape_alone(sentence: str, bare: bool) -> None:
    assert names_a_bare_shape(sentence) is bare


@pytest.mark.parametrize("name", sorted(drawings()))
def test_a_thing_fits_its_word_in_any_size_and_at_any_angle(name: str) -> None:
    for size, turn, holes in ((40, 0.0, False), (36, 1.1, False), (36, 2.5, True)):
        shown = scene(name, size=size, turn=turn, holes=holes)
        best = fits(shown, name)[0].max()
        assert best > (0.25 if name in MANY_NAMES else 0.5), (size, turn)


def test_the_thing_that_is_named_stands_out() -> None:
    names = ("star", "heart", "circle", "letter e", "arrow", "hexagon")
    for name, map_of in zip(names, fits(scene(*names, size=36, turn=0.4), *names), strict=True):
        found = [map_of[:, 48 * index : 48 * (index + 1)].max() for index in range(len(names))]
        assert names[int(np.argmax(found))] == name


def test_nothing_fits_where_there_is_no_outline() -> None:
    empty = Heightmap(np.full((80, 80, 3), TABLE, np.uint8), np.zeros((80, 80), np.float32))
    assert not fits(empty, "square", "star").any(), "the table is too large to be a thing on it"
    assert fits(empty).shape == (0, 80, 80)
    specks = scene("circle", size=4)
    assert not fits(specks, "circle").any(), "too small to have a shape"


def test_of_a_picture_full_of_patches_the_largest_are_compared() -> None:
    """As a broken camera gives it; a picture must not take seconds."""
    seen = scene("star", size=36)
    rows, columns = np.mgrid[:320, :160]
    odd = (rows // 7 + columns // 6) % 2 == 1
    noise = Heightmap(np.where(odd[..., None], RED, TABLE).astype(np.uint8), np.zeros((320, 160), np.float32))
    noise.color[:48, :48], noise.height[:48, :48] = seen.color, seen.height
    found = things(name_colors(noise.color), noise.height)
    assert len(found) == 200
    assert fits(noise, "star")[0, 24, 24] > 0.5


@pytest.mark.parametrize("split", ["train", "val"])
def test_what_a_task_means_is_found_without_training(split: str, tmp_path: Path) -> None:
    """Both the shapes of training and those that are held out: nothing on the table fits better."""
    collect("packing-shapes", episodes=4, data=tmp_path, split=split, arguments={"observe": ["images", "instruction"]})
    store = EpisodeStore.of(tmp_path, "packing-shapes", split)
    for seed in store.seeds():
        episode = Demonstrations([store.path(seed)])[0]
        said = str(episode.observation(0, ["instruction"])["instruction"])
        seen = fuse_observation(episode.observation(0, KEYS))
        map_of = fits(seen, next(word for word in shape_words(said) if word))[0]
        column, row = to_pixels(Pose.from_vector(episode.actions()["pick"][0])).astype(int)
        at_pick = map_of[row - 2 : row + 3, column - 2 : column + 3].max()
        assert at_pick >= map_of[seen.height > 0.01].max() > 0, (seed, said)


def test_what_is_mentioned_after_the_first_four_stays_as_it_is_said() -> None:
    """A side that is taken away must be shown instead, and only four mentions are."""
    said = "the left star, ring, moon, heart, the left star, the right arrow"
    plain, mentions = resolve(said)
    assert plain == "the star ring moon heart the star the right arrow"
    assert [mention.shape for mention in mentions.values()] == ["star", "ring", "moon", "heart", "star"]
    shown = scene("star", "arrow")
    batch = make_sentences([said], [shown.color], heights=[shown.height])
    assert batch.shapes is not None
    assert batch.shapes[0].tolist() == [-1, 0, 1, 2, 3, -1, 0, -1, -1, -1]


# ---------------------------------------------------------------------- the network


def test_a_sentence_without_shapes_points_at_nothing() -> None:
    shown = scene("star", "heart")
    net = SentenceNet(4, shaped=True)
    maps, vectors = net(make_sentences(["stack them", ""], [shown.color] * 2, heights=[shown.height] * 2))
    assert maps.shape == (2, 4, 48, 96) and vectors.shape == (2, 4)
    assert torch.equal(maps, torch.full_like(maps, -1))


def test_what_a_text_encoder_knows_of_a_shape_word_changes_nothing() -> None:
    shown = scene("star", "heart")
    net = SentenceNet(4, given=8, shaped=True)
    batch = make_sentences(["put the star here"], [shown.color], heights=[shown.height])
    given = torch.randn(1, 4, 8)
    maps, vectors = net(batch._replace(vectors=given))
    for position, matters in ((2, False), (3, True)):
        changed = given.clone()
        changed[0, position] = torch.randn(8)
        other_maps, other_vectors = net(batch._replace(vectors=changed))
        assert torch.equal(other_vectors, vectors) is not matters
        assert matters or torch.equal(other_maps, maps)


def test_it_learns_which_shape_is_for_what_and_knows_it_for_other_shapes() -> None:
    """From stars and circles; then with hearts and a letter, whose name is two words."""
    torch.manual_seed(0)
    net = SentenceNet(4, shaped=True)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)

    def loss(first: str, second: str) -> torch.Tensor:
        said = [f"put the {first} on a {second} slot", f"on a {second} slot put the {first}"]
        shown = scene(first, second, size=36)
        maps, _ = net(make_sentences(said, [shown.color] * 2, heights=[shown.height] * 2))
        found = torch.stack([part.amax(dim=(2, 3)) for part in maps[:, 2:].chunk(2, dim=3)], dim=2)
        return (found - torch.tensor([[1.0, -1.0], [-1.0, 1.0]])).square().mean()

    for _ in range(60):
        optimiser.zero_grad()
        total = loss("star", "circle") + loss("circle", "star")
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss("star", "circle") < 0.1
    assert loss("heart", "letter e") < 0.2 and loss("letter e", "heart") < 0.2
