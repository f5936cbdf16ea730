"""Heightmap pictures, drawn actions and films."""

from __future__ import annotations

import io

import av
import cv2
import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.h264 import x264_options
from ravens_suite.core.types import Action
from ravens_suite.errors import ConfigError
from ravens_suite.report.drawing import (
    PICK_COLOR,
    PLACE_COLOR,
    SCALE,
    draw_action,
    draw_moved_outline,
    heat_picture,
    label,
    map_picture,
)
from ravens_suite.report.video import encode_video


def test_maps_are_turned_so_that_the_robot_is_above() -> None:
    color = np.zeros((320, 160, 3), np.uint8)
    color[10:20, 100:120] = (255, 0, 0)  # y near its low end: left; x far from the robot: down
    picture = map_picture(color)
    assert picture.shape == (160 * SCALE, 320 * SCALE, 3)
    down, across = (np.mean(axis) for axis in np.nonzero((picture == (255, 0, 0)).all(axis=2)))
    assert across / SCALE == pytest.approx(15, abs=1)
    assert down / SCALE == pytest.approx(110, abs=1)


def test_a_caption_has_an_edge_around_its_own_letters() -> None:
    text = "Step 1 of 3: front (0123456789, goal)"
    grey = np.full((30, 400, 3), 128, np.uint8)
    drawn = label(grey, text).astype(int).mean(axis=2)
    white, dark = (np.argwhere(drawn > 200), np.argwhere(drawn < 60))
    # The dark edge reaches one pixel farther than the white letters on every side, at the end of the line too.
    assert np.abs(white.min(axis=0) - 1 - dark.min(axis=0)).max() <= 1
    assert np.abs(white.max(axis=0) + 1 - dark.max(axis=0)).max() <= 1
    near = np.abs(dark[:, None] - white[None]).max(axis=2).min(axis=1)
    assert near.max() <= 2
    assert (label(grey, "")[:] == 128).all()


def test_a_mark_lies_where_its_pose_is() -> None:
    picture = np.zeros((160 * SCALE, 320 * SCALE, 3), np.uint8)
    drawn = draw_action(picture, Action(Pose.planar(0.35, -0.3), Pose.planar(0.6, 0.25)))
    for color, (x, y) in ((PICK_COLOR, (0.35, -0.3)), (PLACE_COLOR, (0.6, 0.25))):
        down, across = np.nonzero((drawn == color).all(axis=2))
        assert np.median(across) == pytest.approx((y + 0.5) / 0.003125 * SCALE, abs=3)
        assert abs(np.median(down) - (x - 0.25) / 0.003125 * SCALE) < 12
    assert not picture.any()


def test_actions_with_one_pose_and_with_three_are_drawn_too() -> None:
    picture = np.zeros((160 * SCALE, 320 * SCALE, 3), np.uint8)
    one = draw_action(picture, Action(poke=Pose.planar(0.5, 0.0, 0.0, np.pi / 2)))
    assert (one == PICK_COLOR).all(axis=2).any()
    assert not (one == PLACE_COLOR).all(axis=2).any()
    _, across = np.nonzero(one.any(axis=2))
    middle = 160 * SCALE
    assert across.max() - middle > middle - across.min() + 10, "the line goes towards +y, which is to the right"
    pick, via, place = Pose.planar(0.3, -0.4), Pose.planar(0.5, 0.0), Pose.planar(0.6, 0.3)
    three = draw_action(picture, Action(pick=pick, via=via, place=place))
    two = draw_action(picture, Action(pick, place))
    row, column = round((0.5 - 0.25) / 0.003125 * SCALE), round(0.5 / 0.003125 * SCALE)
    assert three[row, column].any()
    assert not two[row, column].any()


def test_the_outline_goes_where_the_object_would() -> None:
    height = np.zeros((320, 160), np.float32)
    height[100:120, 40:80] = 0.04  # 2:1, long along x
    centre = Pose.planar(0.25 + 59.5 * 0.003125, -0.5 + 109.5 * 0.003125)
    action = Action(centre, Pose.planar(0.6, 0.2, 0.0, np.pi / 2))
    drawn = draw_moved_outline(np.zeros((160 * SCALE, 320 * SCALE, 3), np.uint8), height, action)
    down, across = np.nonzero((drawn == PLACE_COLOR).all(axis=2))
    assert (across.min() + across.max()) / 2 == pytest.approx((0.2 + 0.5) / 0.003125 * SCALE, abs=3)
    assert np.ptp(across) / np.ptp(down) == pytest.approx(2, abs=0.2)


def test_nothing_is_outlined_where_nothing_stands() -> None:
    empty = np.zeros((160 * SCALE, 320 * SCALE, 3), np.uint8)
    action = Action(Pose.planar(0.5, 0.0), Pose.planar(0.6, 0.2))
    assert not draw_moved_outline(empty, np.zeros((320, 160), np.float32), action).any()


def test_heat_is_brightest_at_its_peak_and_absent_where_it_is_zero() -> None:
    heat = np.zeros((320, 160), np.float32)
    heat[200, 50] = 1e-3
    picture = heat_picture(np.full((320, 160, 3), 90, np.uint8), heat, PICK_COLOR)
    assert np.unravel_index(picture.sum(axis=2).argmax(), picture.shape[:2]) == pytest.approx((151, 601), abs=3)
    assert np.ptp(picture[0, 0]) == 0


def test_a_film_decodes_to_its_frames() -> None:
    frames = [np.full((480, 640, 3), 2 * index, np.uint8) for index in range(60)]
    film = encode_video(frames)
    with av.open(io.BytesIO(film.data)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.height, stream.width) == ("h264", 360, 480)
        shades = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(stream)]
    assert film.speed == 1
    assert len(shades) == round(30 * film.seconds)
    assert np.abs(np.array(shades[:60]) - np.arange(0, 120, 2)).max() < 4


def test_a_long_film_is_sped_up_and_keeps_its_end() -> None:
    frames = [np.full((48, 64, 3), min(index, 200), np.uint8) for index in range(500)]
    film = encode_video(frames, size=(48, 64), longest=4.0)
    assert film.speed == 5
    assert film.seconds < 5
    with av.open(io.BytesIO(film.data)) as container:
        *_, last = container.decode(video=0)
    assert last.to_ndarray(format="rgb24").mean() == pytest.approx(200, abs=4)


def test_the_same_frames_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [np.full((48, 64, 3), index, np.uint8) for index in range(10)]
    assert encode_video(frames, size=(48, 64)).data == encode_video(frames, size=(48, 64)).data
    # With AVX-512, x264 keeps this only most of the time; where AVX2 is lacking, too, it chooses itself.
    for has_avx2 in (True, False):
        monkeypatch.setattr(cv2, "checkHardwareSupport", lambda feature, has_avx2=has_avx2: has_avx2)
        assert x264_options(crf="18").get("x264-params") == ("asm=avx2" if has_avx2 else None)


def test_no_frames_no_film() -> None:
    with pytest.raises(ConfigError, match="no frame"):
        encode_video([])
