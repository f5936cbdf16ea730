"""Settings of the Transporter."""

from __future__ import annotations

from dataclasses import dataclass

from ..common.devices import PRECISIONS
from ..common.settings import setting
from ..common.word_encoders import MINILM, OWN

FINE, COARSE = 2, 4
"""Heightmap pixels along a cell of the fine map (6.25 mm) and of the coarse map (12.5 mm)."""


@dataclass(frozen=True)
class TransporterConfig:
    """Settings of the agent; the same for every task.

    Free objects are those that lie alone on bare table. *Scattered examples* are training examples in which all free
    objects were pasted at random positions; *examples without rotation* are those of steps that do not turn their
    object, such as laying a rope or sweeping a pile.

    A run on several tasks counts the demonstrations of all of them: other tasks show other things, too.

    Settings keep their names across versions, because every saved agent holds them.

    Attributes:
        widths: fields of the encoder (four channels each) at half the resolution, a quarter, and so on; two to five, as
            often as the heightmap can be halved. The coarsest level sees the whole table, which tasks of several steps
            need.
        depth: residual blocks at each resolution.
        coarse_outputs: fields of query and key on the coarse map (12.5 mm); a multiple of four.
        fine_outputs: fields of query and key on the fine map (6.25 mm); a multiple of four.
        coarse_radius: of the query window, in cells of 12.5 mm.
        fine_radius: of the query window, in cells of 6.25 mm.
        angles: place angles over a full turn when acting; only zero if no demonstration turns its object. A multiple
            of four halves the cost of coarse placing.
        train_angles: place angles over a full turn in training; the first one is drawn at random.
        fine_reach: radius of the refined window, in cells of 6.25 mm.
        candidates: place candidates of each pick.
        picks: pick candidates that are rescored jointly, at most.
        steps: gradient steps of a whole training run; the learning rate follows one cycle over them.
        batch: examples a step.
        learning_rate: at the top of the cycle.
        weight_decay: decoupled from the gradient.
        average: decay of the exponential moving average (EMA) of the weights; the agent acts with the averaged ones.
        pick_weight: weight of the pick loss at the first step; coarse placing has weight one. A demonstration shows one
            of many picks that would do, so this loss is noisy, and a large weight keeps placing from starting to learn.
        late_pick_weight: weight from the middle of the run on; it grows linearly until then. It does not grow where no
            demonstration turns its object (ropes, piles), because most picks are interchangeable there.
        refine_weight: weight of the refinement loss.
        scale: largest factor, or divisor, by which a scene is scaled.
        height_scale: largest factor, or divisor, of heights.
        scatter: share of scattered examples among those of steps with free objects.
        flips: whether half of the examples are mirrored.
        stretch: largest factor, or divisor, by which an object is stretched together with its goal.
        shade: largest factor, or divisor, of the brightness of free objects, with many demonstrations.
        shade_alone: the same with one demonstration; with n, ``shade`` times the n-th root of their ratio.
        altered: share of scattered examples that are stretched, and share that are shaded, with many demonstrations.
        altered_alone: the same with one demonstration; with n, ``altered`` plus an n-th of their difference.
        altered_scenes: share of examples without rotation that are stretched.
        recolored: share of scattered examples in which things that the step does not involve get random colours.
        bent: share of scattered examples whose object is bent together with its goal, with a hundred demonstrations or
            more; proportionally fewer with fewer.
        amiss: share of misplaced-object examples, as after a bad placement. Scattered examples of the only free object
            left show it beside its goal. Those of an object that goes into a slot of its outline show it turned in that
            slot, or in the slot of another object; of the last such object, half of them do.
        leftover: share of remaining-object examples: the last scene of the demonstration with one more object to push.
            Among those of pushes that all go to one place.
        unfinished: with one demonstration, share of examples that show its last scene with one more object to pick, so
            that the agent leaves alone what is in place. The share falls with the logarithm of the number of
            demonstrations, to none with ten. Not used where a goal or the first scene is shown, where the sentence
            changes within the episode, or where places are tilted.
        nudged: with one demonstration of a rope, or of anything that several steps move without turning it, number of
            steps added to those demonstrated: its last scene with a part of the rope bent away, which has to go back.
            It falls in the same way, and is not used in the same cases.
        bystanders: where it is told something, with one demonstration, share of examples in which things that the step
            has nothing to do with lie elsewhere, so that its goal is not known by what lies beside it. It falls in the
            same way, and is not used where a direction is said.
        word_colors: where it is told colours, with one demonstration, share of examples whose colour words are replaced
            by others, in the sentence and in the scene (``rewording.py``). And share of examples in which whatever has
            one colour word is shown in one random colour, so that it is not known by how bright it is; in all others,
            hues are turned together. It falls in the same way, and is not used where a shade is said, or where a goal
            or the first scene is shown.
        distractors: with one demonstration, share of scattered examples that show one more object, in a colour unlike
            that of the goal. Nothing is to be placed at it. Whether to pick it is not known, so those examples teach
            no picks. It falls in the same way, and is not used in the same cases, nor where a sentence is shown.
        recut: share of examples in which objects that go into slots of their outlines, and these slots, have random
            outlines, with a hundred demonstrations or more. It is none where a goal, a sentence or the first scene is
            shown, too.
        recut_alone: the same with one demonstration. In between the share falls with the logarithm of their number.
        adrift: share of examples in which a rope, or what else several steps move without turning it, lies elsewhere.
            No demonstration shows it as it lies after a wrong move.
        hindsight: where goals are shown, share of examples whose goal is what the demonstration has built at a later
            step, drawn at random, in place of what it has built in the end.
        news: where it is told something, share of examples that are steps at which a sentence is first said. At later
            steps what was done already shows what is meant, and the words need not be listened to.
        outlook: where it is told something, training examples a step for the network that predicts where things will
            lie once the sentence is carried out (``outlook.py``). Its map is added to the place logits. 0 for no such
            network.
        gives_up: where it is told something, whether it ends the episode rather than pick what it has laid under the
            same sentence, where demonstrations never do that.
        halves: share of the steps, the first ones, whose examples show half of the table, or seven tenths where pick
            and place are farther apart (``halving.py``), where it is told nothing. Such steps take six tenths of the
            time, or three quarters. The last steps before ``--until solved`` may end a run show all of the table.
        remembers: whether the network is shown the first scene of the episode, too, for tasks whose goal depends on
            what was there at the start; and, where it is told something, the colours of the sentence one by one in
            their order, since what is next depends on what is done.
        counts: whether the network is shown of each thing how many there are like it, six standing for more, too, for
            tasks in which that decides what belongs where (``agents/common/counts.py``). Then no example shows a thing
            more or things in other colours: ``recolored``, ``leftover``, ``unfinished`` and ``distractors`` are none.
        unknown_words: where it is told something and learns the vectors of words, share of the words of training
            sentences at which there is one that it does not know; none at words for colours, shapes and directions.
            Paraphrases have words that no demonstration has.
        words: where it is told something, what gives the vectors of words: ``own`` (they are learned); ``minilm``, the
            language model all-MiniLM-L6-v2; or a function of yours, ``package.module:name`` or
            ``path/to/file.py:name``, that takes the words of a sentence and returns a vector for each
            (``agents/common/word_encoders.py``).
        shape_words: where it is told something, whether it is shown which things have the outline that a word names, as
            it is shown colours (``agents/common/shape_words.py``).
        lookahead: where goals are shown, actions that a search looks ahead over what the agent would do
            (``planning.py``); 0 for no search. It changes nothing in training.
        workers: processes that make examples ahead of a GPU, with the same examples for any number of them; 0 for none.
        precision: ``auto`` (bfloat16 where the device multiplies it in hardware), ``float32`` or ``bfloat16``.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    widths: tuple[int, ...] = setting((8, 16, 24, 32, 32), least=1, most=1024, items=(2, 5))
    depth: int = setting(2, least=1, most=64)
    coarse_outputs: int = setting(4, least=4, most=1024, multiple=4)
    fine_outputs: int = setting(4, least=4, most=1024, multiple=4)
    coarse_radius: int = setting(12, least=1, most=64)
    fine_radius: int = setting(14, least=1, most=128)
    angles: int = setting(36, least=1, most=3600)
    train_angles: int = setting(16, least=1, most=3600)
    fine_reach: int = setting(5, least=1, most=64)
    candidates: int = setting(4, least=1, most=100)
    picks: int = setting(4, least=1, most=100)
    steps: int = setting(1400, least=1, most=10**9)
    batch: int = setting(2, least=1, most=10_000)
    learning_rate: float = setting(2e-3, above=0)
    weight_decay: float = setting(1e-2, least=0)
    average: float = setting(0.99, least=0, below=1)
    pick_weight: float = setting(0.3, least=0)
    late_pick_weight: float = setting(1.0, least=0)
    refine_weight: float = setting(0.3, least=0)
    scale: float = setting(1.0, least=1, most=100)
    height_scale: float = setting(1.0, least=1, most=100)
    scatter: float = setting(0.7, least=0, most=1)
    flips: bool = True
    stretch: float = setting(2.0, least=1, most=100)
    shade: float = setting(1.6, least=1, most=100)
    shade_alone: float = setting(2.5, least=1, most=100)
    altered: float = setting(0.5, least=0, most=1)
    altered_alone: float = setting(0.8, least=0, most=1)
    altered_scenes: float = setting(0.8, least=0, most=1)
    recolored: float = setting(0.5, least=0, most=1)
    bent: float = setting(0.3, least=0, most=1)
    amiss: float = setting(0.15, least=0, most=1)
    leftover: float = setting(0.3, least=0, most=1)
    unfinished: float = setting(0.15, least=0, most=1)
    nudged: float = setting(3.0, least=0, most=1000)
    bystanders: float = setting(0.5, least=0, most=1)
    word_colors: float = setting(0.7, least=0, most=1)
    distractors: float = setting(0.2, least=0, most=1)
    recut: float = setting(0.15, least=0, most=1)
    recut_alone: float = setting(0.85, least=0, most=1)
    adrift: float = setting(0.15, least=0, most=1)
    hindsight: float = setting(0.5, least=0, most=1)
    news: float = setting(1 / 3, least=0, most=1)
    outlook: int = setting(4, least=0, most=1000)
    gives_up: bool = True
    halves: float = setting(0.0, least=0, most=1)
    remembers: bool = False
    counts: bool = False
    unknown_words: float = setting(0.1, least=0, most=1)
    words: str = setting(OWN, choices=(OWN, MINILM), names="code")
    shape_words: bool = True
    lookahead: int = setting(0, least=0, most=10)
    workers: int = setting(0, least=0, most=256)
    precision: str = setting("auto", choices=PRECISIONS)
    device: str = "auto"
