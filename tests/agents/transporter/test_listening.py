"""The Transporter in environments that say what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ravens_suite.agents.common.counts import COUNTS, count_maps
from ravens_suite.agents.common.sentences import FORMS, form_of
from ravens_suite.agents.pick_place.augmentation import UNCHANGED, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.history import NEVER_SAID
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.examples import fitting, in_other_hues, in_other_words
from ravens_suite.agents.transporter.losses import make_batch
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.observations import INSTRUCTION_BYTES, TEXT, ArraySpec, Interface, encode_text
from ravens_suite.data.store import EpisodeStore
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.errors import ConfigError, OracleGaveUpError
from ravens_suite.rollout.collect import collect
from ravens_suite.training.data import open_demonstrations

TASK = "put-block-in-bowl-seen"
ARGUMENTS = {"image_size": [48, 64], "observe": ["images", "instruction"]}
TINY = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=8, precision="float32", device="cpu"
)


def demonstrations(folder: Path) -> tuple[PickPlaceDataset, Interface]:
    collect(TASK, episodes=1, data=folder, arguments=ARGUMENTS)
    store = EpisodeStore.of(folder, TASK, "train")
    agent = Transporter(TINY, interface=store.interface())
    return agent.make_dataset(open_demonstrations(folder, {TASK: store.seeds()})), store.interface()


def test_it_learns_from_sentences_and_acts_by_them(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    step = data.episodes[0][0]
    assert step.instruction is not None and step.instruction.startswith("put the ")
    agent = Transporter(TINY, interface=interface)
    assert agent.listens and "instruction" in Transporter.reads(interface)
    for number in range(2):
        assert np.isfinite(sum(agent.fit_step(data, number).values()))
    first, second = (agent.decide(step.scene, None, said) for said in ("put the red blocks in a blue bowl", "stop"))
    assert not torch.equal(first.pick_logits, second.pick_logits)
    agent.save(tmp_path / "policy")
    loaded = Transporter.load(tmp_path / "policy")
    assert torch.equal(loaded.decide(step.scene, None, "stop").pick_logits, second.pick_logits)


def test_only_a_text_is_a_sentence_also_one_that_numpy_has_loaded() -> None:
    cameras = published_cameras((12, 16))
    color, depth = np.zeros((3, 12, 16, 3), np.uint8), np.ones((3, 12, 16), np.float32)
    seen = {"color": color, "depth": depth, **camera_matrices(cameras)}
    agent = Transporter(TINY, interface=Interface({"instruction": ArraySpec((), TEXT)}))
    picks = []
    for said in ("put it there", np.array("put it there")):
        agent.reset(0)
        picks.append(agent.act({**seen, "instruction": said})["pick"])
    np.testing.assert_array_equal(*picks)
    for other in (None, 3, b"put it there", np.array(["put it there"])):
        with pytest.raises(ConfigError, match="must be a text; got"):
            agent.act({**seen, "instruction": other})


def test_it_is_shown_what_shape_words_name(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    agent = Transporter(TINY, interface=interface)
    for number in range(2):
        assert np.isfinite(sum(agent.fit_step(data, number).values()))
    scene = data.episodes[0][0].scene
    cv2.circle(scene.color, (80, 200), 12, (229, 60, 60), -1)
    cv2.circle(scene.height, (80, 200), 12, 0.02, -1)
    circle, star = (agent.decide(scene, None, f"put the {shape} in a box") for shape in ("circle", "star"))
    assert not torch.equal(circle.pick_logits, star.pick_logits)
    agent.save(tmp_path / "policy")
    again = Transporter.load(tmp_path / "policy").decide(scene, None, "put the circle in a box")
    assert torch.equal(again.pick_logits, circle.pick_logits)

    plain = Transporter(replace(TINY, shape_words=False), interface=interface)
    plain.save(tmp_path / "old")
    settings = tmp_path / "old" / "agent.json"
    saved = json.loads(settings.read_text())
    del saved["config"]["shape_words"]
    settings.write_text(json.dumps(saved))
    old, new = (each.decide(scene, None, "put the circle away") for each in (Transporter.load(tmp_path / "old"), plain))
    assert torch.equal(old.pick_logits, new.pick_logits), "what was saved before there was the setting"

    step, shapes = replace(data.episodes[0][0], instruction="pack the star"), agent.augmentation(1)
    assert fitting(agent.config, shapes, step).altered_scenes == 0.0, "a stretched circle is none"
    named = replace(shapes, recut=0.0)
    assert shapes.recut > 0
    assert fitting(agent.config, shapes, replace(step, instruction="pack the red star")) == named, "a star stays a star"
    assert fitting(plain.config, shapes, step) == named
    assert fitting(agent.config, shapes, replace(step, instruction="pack the largest one")).recut == 0.0
    assert fitting(agent.config, shapes, replace(step, instruction=None)) is shapes
    sided = fitting(agent.config, shapes, replace(step, instruction="put the red star in the left star slot"))
    assert (sided.altered, sided.bent) == (0.0, 0.0) and shapes.altered > 0, "it stays like the others of its shape"
    top = fitting(agent.config, shapes, replace(step, instruction="put the red block on the top blue star"))
    assert top.altered_scenes == 0.0 < shapes.altered_scenes, "in a stretched scene another star may be at the top"


ENCODER = """
import zlib

def encode(words):
    return [[zlib.crc32(word.encode()) % 97 / 97, (zlib.crc32(word.encode()) >> 8) % 89 / 89] for word in words]
"""


def test_a_text_encoder_of_the_users_own_takes_the_place_of_its_words(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    (tmp_path / "encoder.py").write_text(ENCODER)
    own = Transporter(TINY, interface=interface)
    agent = Transporter(replace(TINY, words=f"{tmp_path / 'encoder.py'}:encode"), interface=interface)
    reads = {f"{net}sentence.given.{name}" for net in ("", "outlook.") for name in ("weight", "bias")}
    assert set(agent.weights()) - set(own.weights()) == reads
    before = agent.weights()["sentence.given.weight"].clone()
    for number in range(2):
        assert np.isfinite(sum(agent.fit_step(data, number).values()))
    assert not torch.equal(agent.net.state_dict()["sentence.given.weight"], before), "what reads them is trained"
    scene = data.episodes[0][0].scene
    first, second = (agent.decide(scene, None, said) for said in ("put the red blocks in a bowl", "stop the red one"))
    assert not torch.equal(first.pick_logits, second.pick_logits)
    agent.save(tmp_path / "policy")
    again = Transporter.load(tmp_path / "policy").decide(scene, None, "stop the red one")
    assert torch.equal(again.pick_logits, second.pick_logits)


def test_some_words_are_unknown_in_training_but_not_to_a_text_encoder(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    (tmp_path / "encoder.py").write_text(ENCODER)
    agents = {
        name: Transporter(replace(TINY, **changed), interface=interface)
        for name, changed in {
            "all": {"unknown_words": 1.0},
            "none": {"unknown_words": 0.0},
            "encoder": {"unknown_words": 1.0, "words": f"{tmp_path / 'encoder.py'}:encode"},
        }.items()
    }
    inputs = {name: agent.step_inputs(data, agent.augmentation(1), 0) for name, agent in agents.items()}
    said = {name: [each.batch.sentence, each.batch.outlook.sentence] for name, each in inputs.items()}
    for plain, unknown, encoded in zip(said["none"], said["all"], said["encoder"], strict=True):
        assert not torch.equal(plain.words, unknown.words)
        assert torch.equal(plain.words, encoded.words)
        assert (plain.colors >= 0).sum() == (unknown.colors >= 0).sum()


def test_it_gives_up_rather_than_take_up_what_it_laid_where_nobody_does_that(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    scene, said = data.episodes[0][0].scene, "put the red blocks in a blue bowl"
    never = np.full(FORMS, 0.5, dtype=np.float32)
    never[form_of("put the green blocks in a gray bowl")] = 0.04
    for returns, settings, ends in (
        (data.returns, TINY, False),
        (never, TINY, True),
        (never, replace(TINY, gives_up=False), False),
    ):
        agent = Transporter(settings, interface=interface)
        agent.set_weights({**agent.weights(), "returns": torch.from_numpy(returns)})
        agent.reset(0)
        assert np.isfinite(agent.action(scene, None, said).pick.position).all()
        agent._history.hear(said)
        agent._history.laid = [np.array([column, row]) for column in range(0, 160, 10) for row in range(0, 320, 10)]
        if ends:
            with pytest.raises(OracleGaveUpError, match="laid there itself"):
                agent.action(scene, None, said)
        assert agent.action(scene, None, said if not ends else "place it there")


def test_steps_at_which_a_sentence_is_new_are_drawn_more_often(tmp_path: Path) -> None:
    one = demonstrations(tmp_path)[0].episodes[0][0]
    said = ["pack all", "pack all", "pack all", "and now that", "and now that"]
    data = PickPlaceDataset([[replace(one, instruction=words) for words in said]])
    rng = np.random.default_rng(0)
    now = [data.sample(rng, news=news).instruction == said[3] for news in (0.0, 1.0) for _ in range(400)]
    assert 0.33 < np.mean(now[:400]) < 0.47, "two steps of five"
    assert 0.43 < np.mean(now[400:]) < 0.57, "one first step of two"
    untold = PickPlaceDataset([[replace(one, instruction=None)] * 3])
    assert untold.sample(rng, news=1.0).instruction is None
    assert (untold.returns == NEVER_SAID).all()


def test_long_sentences_are_drawn_more_often_for_the_outlook(tmp_path: Path) -> None:
    one = demonstrations(tmp_path)[0].episodes[0][0]
    told: tuple[list[str | None], ...] = (["lay the rope"] * 6, ["first", "second"], [None])
    data = PickPlaceDataset([[replace(one, instruction=words) for words in said] for said in told])
    rng = np.random.default_rng(0)
    drawn = [data.sample_sentence(rng).instruction for _ in range(800)]
    # Half of the time one of three; else six to one to one: steps after the first of their sentence, plus one.
    assert drawn.count("lay the rope") / 800 == pytest.approx((1 / 3 + 6 / 8) / 2, abs=0.06)
    assert {*drawn} == {"lay the rope", "first", "second", None}


def test_half_of_the_steps_that_the_outlook_learns_from_are_any_of_their_sentence(tmp_path: Path) -> None:
    one = demonstrations(tmp_path)[0].episodes[0][0]
    ends = [Heightmap(one.color, np.full_like(one.height, number)) for number in range(2)]
    steps = [
        replace(one, yaw=float(index), instruction=words, goal=goal)
        for index, (words, goal) in enumerate(
            [("pack all", ends[0]), ("pack all", None), ("pack all", None), ("and that", ends[1]), ("and that", None)]
        )
    ]
    data = PickPlaceDataset([steps])
    rng = np.random.default_rng(0)
    drawn = [data.sample_sentence(rng) for _ in range(400)]
    for step in drawn:
        assert step.goal is not None
        assert step.goal.height[0, 0] == (step.instruction == "and that"), "the end of its own sentence"
    counts = np.bincount([int(step.yaw) for step in drawn], minlength=5) / 400
    assert counts == pytest.approx([0.35, 0.1, 0.1, 0.35, 0.1], abs=0.07)


def test_an_agent_of_before_there_were_directions_acts_as_it_did(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    agent, other = Transporter(TINY, 0, interface), Transporter(TINY, 1, interface)
    before = {name: value for name, value in agent.weights().items() if not name.startswith(("where", "returns"))}
    other.set_weights(before)
    first, second = (
        each.decide(data.episodes[0][0].scene, None, "put the red blocks in a blue bowl") for each in (agent, other)
    )
    assert torch.equal(first.pick_logits, second.pick_logits)
    kept = other.weights()
    assert not kept["where.weight"].any() and not kept["where.bias"].any()


def test_named_colours_are_left_as_they_are(tmp_path: Path) -> None:
    _, interface = demonstrations(tmp_path)
    augmentation = Transporter(replace(TINY, distractors=1.0), interface=interface).augmentation(1)
    assert augmentation.recolored == 0 and augmentation.distractors == 0 and augmentation.shade == 1
    assert Transporter(replace(TINY)).augmentation(1).recolored > 0


def test_hues_change_only_where_a_colour_is_named(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    agent = Transporter(TINY, interface=interface)
    step = data.episodes[0][0]
    for said, kept in (("put the red blocks in a blue bowl", False), ("put them into each other", True)):
        rng = np.random.default_rng(1)
        example = augment(replace(step, instruction=said), agent.augmentation(1), rng)
        plain = make_batch([example]).image
        assert torch.equal(agent.examples_to_batch([example], rng).image, plain) == kept


def test_with_few_demonstrations_colours_and_their_words_change_but_where_a_shade_is_said(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    agent = Transporter(replace(TINY, word_colors=1.0), interface=interface)
    shares = [agent.augmentation(demos).word_colors for demos in (1, 3, 10, 100)]
    assert shares[0] == 1 > shares[1] > 0 == shares[2] == shares[3]
    step = replace(data.episodes[0][0], goal=None)  # What the agent is shown has none.
    for said, changes in (
        ("put the red blocks in a blue bowl", True),
        ("put the red blocks in the darkest blue bowl", False),
        ("put them into each other", False),
    ):
        example = augment(replace(step, instruction=said), UNCHANGED, np.random.default_rng(1))
        (other,) = in_other_words([example], np.random.default_rng(2), 1.0)
        assert (other.instruction != said) == changes and np.array_equal(other.color, example.color) != changes
        assert in_other_words([example], np.random.default_rng(2), 0.0) == [example]
        (together,) = in_other_hues([example], np.random.default_rng(2))
        (apart,) = in_other_hues([example], np.random.default_rng(2), 1.0)
        assert np.array_equal(apart.color, together.color) != changes
        # Another picture would show the colours of before.
        seen = Heightmap(example.color, example.height)
        for remembering in (replace(example, first=seen), replace(example, goal=seen)):
            assert in_other_words([remembering], np.random.default_rng(2), 1.0) == [remembering]
            (kept,) = in_other_hues([remembering], np.random.default_rng(2), 1.0)
            assert np.array_equal(kept.color, together.color)


def test_a_missing_sentence_is_asked_for(tmp_path: Path) -> None:
    _, interface = demonstrations(tmp_path)
    observation = {
        **camera_matrices(published_cameras()),
        "color": np.zeros((3, 48, 64, 3), np.uint8),
        "depth": np.full((3, 48, 64), 0.9, np.float32),
    }
    with pytest.raises(ConfigError, match="key instruction"):
        Transporter(TINY, interface=interface).act(observation)


def test_a_sentence_that_only_bytes_say_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared memory of a vector of environments has other letters in place of the text."""
    _, interface = demonstrations(tmp_path)
    agent, heard = Transporter(TINY, interface=interface), list[str]()

    def decide(heightmap: Heightmap, goal: Heightmap | None, instruction: str) -> None:
        heard.append(instruction)
        raise OracleGaveUpError("Heard.")

    monkeypatch.setattr(agent, "action", decide)
    observation = {
        **camera_matrices(published_cameras()),
        "color": np.zeros((3, 48, 64, 3), np.uint8),
        "depth": np.full((3, 48, 64), 0.9, np.float32),
        "instruction": "0" * INSTRUCTION_BYTES,
        "instruction_bytes": encode_text("put the ring down", INSTRUCTION_BYTES),
    }
    with pytest.raises(OracleGaveUpError):
        agent.act(observation)
    assert heard == ["put the ring down"]


def test_nothing_is_added_where_nothing_is_said() -> None:
    agent = Transporter(TINY)
    assert not agent.listens and not any("sentence" in name for name in agent.weights())


def test_what_is_shown_numbers_of_things_learns_and_acts_with_them_and_keeps_them(tmp_path: Path) -> None:
    data, interface = demonstrations(tmp_path)
    plain = Transporter(TINY, interface=interface)
    agent = Transporter(replace(TINY, counts=True), interface=interface)
    shown = agent.step_inputs(data, agent.augmentation(1), 0).batch.image
    assert shown.shape[1] == plain.step_inputs(data, plain.augmentation(1), 0).batch.image.shape[1] + COUNTS
    color, height = np.full((320, 160, 3), 51, np.uint8), np.zeros((320, 160), np.float32)
    for row, look in ((40, (255, 87, 89)), (100, (255, 87, 89)), (160, (78, 121, 167))):
        color[row : row + 16, 60:76], height[row : row + 16, 60:76] = look, 0.04
    step = replace(data.episodes[0][0], instruction="put the red blocks in a blue bowl", color=color, height=height)
    example = augment(step, replace(UNCHANGED, counts=True), np.random.default_rng(0))
    assert example.numbers is not None and example.numbers[48:200:60, 68].tolist() == [2, 2, 1]
    numbers = agent.examples_to_batch([example], np.random.default_rng(0), 1.0).image[0, -COUNTS:].numpy()
    np.testing.assert_array_equal(numbers, count_maps(example.numbers), err_msg="in other colours")
    assert np.isfinite(float(agent.example_loss(data, 0).detach()))
    batch = agent.step_inputs(data, agent.augmentation(1), 0).batch
    assert batch.outlook is not None and batch.outlook.image.shape[1] == batch.image.shape[1] - COUNTS
    assert np.isfinite(sum(agent.fit_step(data, 0).values()))
    changes = agent.augmentation(1)
    assert changes.unfinished == changes.distractors == changes.remaining == changes.recolored == 0 < changes.scatter
    assert plain.augmentation(1).unfinished > 0
    agent.save(tmp_path / "policy")
    scene = data.episodes[0][0].scene
    first, again = (each.decide(scene, None, "put it there") for each in (agent, Transporter.load(tmp_path / "policy")))
    assert torch.equal(first.pick_logits, again.pick_logits)
