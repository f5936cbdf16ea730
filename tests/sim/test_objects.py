import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.sim import kinematics, objects
from ravens_suite.sim.bodies import Body, triangles
from ravens_suite.sim.scene import Scene

RED, BROWN = PALETTE["red"], PALETTE["brown"]

BODIES: dict[str, Body] = {
    "block": objects.block(RED),
    "small block": objects.small_block(RED),
    "box": objects.box((0.1, 0.05, 0.03), BROWN),
    "l block": objects.l_block(),
    "l fixture": objects.l_fixture(),
    "bowl": objects.bowl(RED),
    "container": objects.container((0.2, 0.1, 0.05)),
    "pallet": objects.pallet(),
    "board": objects.kit_board(),
    "hanoi stand": objects.hanoi_stand(),
    "pyramid stand": objects.pyramid_stand(),
    "bead": objects.rope_bead(RED),
    **{f"disc {size}": objects.hanoi_disc(size) for size in range(3)},
    **{f"kit {shape}": objects.kit_object(shape, RED) for shape in range(20)},
}

MARKERS: dict[str, Body] = {
    "corner": objects.corner_marker(0.1, 0.06),
    "square": objects.square_outline(0.2),
    "line": objects.line_marker(0.2),
    "zone": objects.zone_frame((0.12, 0.12)),
    **{f"silhouette {shape}": objects.kit_silhouette(shape) for shape in range(20)},
}


@pytest.fixture
def scene() -> Iterator[Scene]:
    value = Scene()
    yield value
    value.close()


def extents(body: Body, *, collisions: bool = False) -> tuple[Array, Array]:
    shapes = body.collisions if collisions else [visual.shape for visual in body.visuals]
    points = np.concatenate([triangles(shape).reshape(-1, 3) for shape in shapes]).astype(np.float64)
    return points.min(axis=0), points.max(axis=0)


@pytest.mark.parametrize("name", [name for name in BODIES if name != "bead"])
def test_what_is_seen_is_what_is_touched(name: str) -> None:
    seen, touched = extents(BODIES[name]), extents(BODIES[name], collisions=True)
    # Ring segments and bowl pieces cut round borders short between their corners.
    np.testing.assert_allclose(seen, touched, atol=0.0035 if name.startswith(("disc", "bowl")) else 1e-5)


@pytest.mark.parametrize("name", MARKERS)
def test_markers_touch_nothing(name: str) -> None:
    assert MARKERS[name].collisions == ()
    low, high = extents(MARKERS[name])
    assert high[2] == pytest.approx(0.001, abs=1e-6)
    assert low[2] == pytest.approx(-0.001 if name.startswith("silhouette") else 0, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in BODIES if BODIES[name].mass])
def test_movable_bodies_come_to_rest_where_they_are_put(scene: Scene, name: str) -> None:
    low, _ = extents(BODIES[name], collisions=True)
    scene.add(name, BODIES[name], Pose((0.5, 0.0, -low[2])), "movable")
    assert scene.settle()
    pose = scene.pose(name)
    np.testing.assert_allclose(pose.position[:2], (0.5, 0.0), atol=1e-3)
    # Bullet keeps meshes about 1 mm off what they lie on.
    assert PLANE_HEIGHT - low[2] - 2e-4 < pose.position[2] < PLANE_HEIGHT - low[2] + 2e-3
    assert max(map(abs, pose.roll_pitch)) < 0.01


def test_l_block_falls_into_its_fixture(scene: Scene) -> None:
    fixture = Pose.planar(0.5, 0.1, 0.02, 0.7)
    scene.add("fixture", objects.l_fixture(), fixture, "fixed")
    scene.add("block", objects.l_block(), fixture @ Pose((0.007, -0.007, 0.01)), "movable")
    assert scene.settle()
    block = fixture.inverse() @ scene.pose("block")
    assert math.hypot(*block.position[:2]) < 0.0145  # its clearance to both sides
    assert abs(block.yaw) < 0.05
    assert block.position[2] < 0.002


def test_l_shapes_have_the_published_outlines() -> None:
    np.testing.assert_allclose(extents(BODIES["l block"]), ((-0.015, -0.015, -0.02), (0.065, 0.065, 0.02)), atol=1e-6)
    np.testing.assert_allclose(extents(BODIES["l fixture"]), ((-0.027, -0.027, -0.02), (0.077, 0.077, 0.02)), atol=1e-6)
    walls = [visual.shape for visual in BODIES["l fixture"].visuals]
    assert sum(abs(volume(shape)) for shape in walls) == pytest.approx(0.002 * 0.04 * (400e-3 + 4 * 2e-3), rel=1e-2)


def volume(shape: object) -> float:
    corners = triangles(shape).astype(np.float64)  # type: ignore[arg-type]
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


@pytest.mark.parametrize("yaw", [0.0, 0.4])
@pytest.mark.parametrize("offset", [0.0, 0.02])
def test_blocks_fall_into_bowls_and_stay(scene: Scene, offset: float, yaw: float) -> None:
    scene.add("bowl", objects.bowl(PALETTE["green"]), Pose((0.5, 0.0, 0.0175)), "fixed")
    scene.add("block", objects.block(RED), Pose.planar(0.5 + offset, 0.0, 0.08, yaw), "movable")
    assert scene.settle()
    x, y, z = scene.pose("block").position
    assert math.hypot(x - 0.5, y) < 0.03
    assert z < 0.035


def test_a_loose_bowl_is_hollow_too(scene: Scene) -> None:
    scene.add("bowl", objects.bowl(RED, mass=objects.BOWL_MASS), Pose((0.5, 0.0, 0.0175)), "movable")
    scene.add("cube", objects.small_block(RED), Pose((0.5, 0.0, 0.05)), "movable")
    assert scene.settle()
    assert scene.pose("cube").position[2] < 0.01


@pytest.mark.parametrize("yaw", [0.0, 0.2, 1.3])
@pytest.mark.parametrize("twist", [0.0, 0.3])
@pytest.mark.parametrize("gap", [0.0, 0.003])
def test_a_tower_of_discs_stands_on_its_rod(scene: Scene, yaw: float, twist: float, gap: float) -> None:
    stand = Pose.planar(0.5, 0.0, 0.005, yaw)
    scene.add("stand", objects.hanoi_stand(), stand, "fixed")
    for below, size in enumerate((2, 1, 0)):
        seat = stand @ Pose.planar(0.0, -0.12, 0.01 * (below + 1) + gap, twist * below)
        scene.add(f"disc {size}", objects.hanoi_disc(size), seat, "movable")
    assert scene.settle()
    for below, size in enumerate((2, 1, 0)):
        x, y, z = (stand.inverse() @ scene.pose(f"disc {size}")).position
        assert math.hypot(x, y + 0.12) < 1e-3
        assert z == pytest.approx(0.01 * (below + 1), abs=5e-4)


def test_disc_has_play_on_the_rod_up_to_its_hole(scene: Scene) -> None:
    stand = Pose((0.5, 0.0, 0.005))
    scene.add("stand", objects.hanoi_stand(), stand, "fixed")
    scene.add("disc", objects.hanoi_disc(0), stand @ Pose((0.009, 0.0, 0.06)), "movable")
    assert scene.settle()
    assert scene.pose("disc").position[2] == pytest.approx(0.015, abs=5e-4)


def test_container_is_open_and_has_its_inner_size(scene: Scene) -> None:
    scene.add("container", objects.container((0.1, 0.08, 0.05)), Pose((0.5, 0.0, 0.025)), "fixed")
    scene.add("box", objects.box((0.098, 0.078, 0.05), RED), Pose((0.5, 0.0, 0.06)), "movable")
    assert scene.settle()
    assert scene.pose("box").position[2] == pytest.approx(0.027, abs=5e-4)
    np.testing.assert_allclose(
        extents(objects.container((0.1, 0.08, 0.05))), ((-0.052, -0.042, -0.025), (0.052, 0.042, 0.025)), atol=1e-6
    )


def test_corner_marker_nests_the_outline() -> None:
    width, depth = 0.1, 0.06
    low, high = extents(objects.corner_marker(width, depth))
    np.testing.assert_allclose(high[:2], (width / 2 + 0.005, depth / 2 + 0.005), atol=1e-6)
    np.testing.assert_allclose(high[:2] - low[:2], (0.055, 0.055), atol=1e-6)
    for visual in objects.corner_marker(width, depth).visuals:
        corners = triangles(visual.shape)[..., :2]
        assert np.all(corners.max(axis=(0, 1)) > (width / 2, depth / 2) - np.array(1e-6))
        assert np.any(corners.min(axis=(0, 1)) > (width / 2, depth / 2) - np.array(1e-6))


def test_square_misses_its_side_at_plus_y() -> None:
    points = np.concatenate([triangles(visual.shape).reshape(-1, 3) for visual in objects.square_outline(0.2).visuals])
    assert not np.any((np.abs(points[:, 0]) < 0.08) & (points[:, 1] > 0))
    assert np.any((np.abs(points[:, 0]) < 0.11) & (points[:, 1] < -0.09))
    low, high = points.min(axis=0), points.max(axis=0)
    np.testing.assert_allclose((low[0], high[0], low[1], high[1]), (-0.105, 0.105, -0.105, 0.1), atol=1e-6)


def test_zone_frame_has_its_outer_size_and_is_empty_inside() -> None:
    low, high = extents(objects.zone_frame((0.12, 0.1)))
    np.testing.assert_allclose(high[:2] - low[:2], (0.12, 0.1), atol=1e-6)
    for visual in objects.zone_frame((0.12, 0.1)).visuals:
        span = triangles(visual.shape).reshape(-1, 3)
        assert np.ptp(span, axis=0)[:2].min() == pytest.approx(objects.ZONE_WIDTH, abs=1e-6)


@pytest.mark.parametrize("body", [objects.suction_head(), objects.spatula()])
def test_tools_end_at_their_tip(body: Body) -> None:
    for collisions in (False, True):
        low, high = extents(body, collisions=collisions)
        assert low[2] == pytest.approx(0, abs=1e-6)
        assert high[2] < kinematics.TOOL_LENGTH
    assert body.mass == pytest.approx(0.1)


def test_blade_is_across_x() -> None:
    low, high = extents(objects.spatula())
    assert high[1] - low[1] == pytest.approx(0.05, abs=1e-6)
    assert high[0] - low[0] == pytest.approx(0.005, abs=1e-6)


def test_parts_of_the_robot_are_only_seen_and_have_a_frame() -> None:
    frames = kinematics.link_poses(kinematics.HOME_JOINTS)
    parts = objects.arm_parts() | objects.tool_parts("suction") | objects.tool_parts("spatula")
    assert sorted(parts) == sorted(objects.PART_FRAMES)
    for name, body in parts.items():
        assert body.visuals and not body.collisions
        assert objects.PART_FRAMES[name] in frames


def test_neighbouring_links_touch_in_any_pose_of_the_joints() -> None:
    joints = np.array([-2.9, -1.3, 1.1, -0.7, -1.2, 0.4])
    frames, parts = kinematics.link_poses(joints), objects.arm_parts()
    bounds = []
    for name, body in parts.items():
        shell = triangles(body.visuals[0].shape).reshape(-1, 3)
        world = frames[objects.PART_FRAMES[name]].apply(shell)
        bounds.append((world.min(axis=0) - 0.004, world.max(axis=0) + 0.004))
    for (low, high), (next_low, next_high) in itertools.pairwise(bounds):
        assert np.all(low < next_high) and np.all(next_low < high)
    flange = frames["flange"].position
    assert np.linalg.norm(bounds[-1][1] / 2 + bounds[-1][0] / 2 - np.array(flange)) < 0.05
