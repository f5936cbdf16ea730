"""GLSL of the moderngl renderer.

Every body is an instance of a mesh: the vertex shader scales, turns and moves it. Shading is flat, so it is done once a
vertex: a software rasteriser spends most of its time in the fragment shader. Shadows are bodies flattened onto the
table along the light, which costs a fraction of looking every pixel up in a shadow map.
"""

from __future__ import annotations

from ravens_suite.sim.rendering.base import LIGHT_SQUARE, SQUARES_PER_METRE

DEPTH_STEPS_PER_METRE = 10_000
"""The depth target holds whole steps of ``core.types.DEPTH_UNIT``."""

_INSTANCE = """
in vec3 in_position;
in vec3 in_normal;
in vec3 instance_position;
in vec4 instance_quaternion;
in vec3 instance_scale;
in vec3 instance_color;
in float instance_label;
uniform mat4 view_projection;
uniform vec3 light;
uniform float ambient;
uniform float diffuse;

vec3 turned(vec3 v) {
    vec3 t = 2.0 * cross(instance_quaternion.xyz, v);
    return v + instance_quaternion.w * t + cross(instance_quaternion.xyz, t);
}
"""

_SURFACE_VERTEX = (
    _INSTANCE
    + """
flat out vec4 color_and_label;
#ifdef CHECKER
out vec2 table_point;
#endif

void main() {
    vec3 world = turned(instance_scale * in_position) + instance_position;
    vec3 normal = normalize(turned(in_normal / instance_scale));
    color_and_label = vec4(instance_color * (ambient + diffuse * max(dot(normal, light), 0.0)), instance_label);
#ifdef CHECKER
    table_point = world.xy;
#endif
    gl_Position = view_projection * vec4(world, 1.0);
}
"""
)

_SHADOW_VERTEX = (
    _INSTANCE
    + """
uniform float table_height;
out vec2 table_point;

void main() {
    vec3 world = turned(instance_scale * in_position) + instance_position;
    world -= light * (max(world.z - table_height, 0.0) / light.z);
    world.z = table_height;
    table_point = world.xy;
    gl_Position = view_projection * vec4(world, 1.0);
}
"""
)

_OUTPUTS = """
layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;
layout(location = 2) out float out_label;

float depth_steps(float nearer) {
    return roundEven(STEPS_PER_METRE * nearer / gl_FragCoord.w);
}

vec3 checkered(vec3 color, vec2 point) {
    ivec2 square = ivec2(floor(point * SQUARES_PER_METRE));
    return ((square.x + square.y) & 1) == 0 ? color * LIGHT_SQUARE : color;
}
"""

_SURFACE_FRAGMENT = (
    _OUTPUTS
    + """
flat in vec4 color_and_label;
#ifdef CHECKER
in vec2 table_point;
#endif

void main() {
    vec3 color = color_and_label.rgb;
#ifdef CHECKER
    color = checkered(color, table_point);
#endif
    out_color = vec4(color, 1.0);
    out_depth = depth_steps(1.0);
    out_label = color_and_label.a;
}
"""
)

# Shadows are flattened to the height of the workspace sheet. Outside of it, the ground plane lies a little farther
# along the same ray, by one ratio for the whole view.
_SHADOW_FRAGMENT = (
    _OUTPUTS
    + """
in vec2 table_point;
uniform vec2 eye;
uniform float ground_ratio;
uniform vec4 sheet_bounds;
uniform vec4 sheet_color_and_label;
uniform vec4 ground_bounds;
uniform vec4 ground_color_and_label;

bool inside(vec2 point, vec4 bounds) {
    return all(greaterThanEqual(point, bounds.xy)) && all(lessThanEqual(point, bounds.zw));
}

void main() {
    bool on_sheet = inside(table_point, sheet_bounds);
    vec2 ground_point = eye + (table_point - eye) * ground_ratio;
    if (!on_sheet && !inside(ground_point, ground_bounds)) {
        discard;
    }
    vec3 color = on_sheet ? sheet_color_and_label.rgb : checkered(ground_color_and_label.rgb, ground_point);
    out_color = vec4(color, 1.0);
    out_depth = depth_steps(on_sheet ? 1.0 : ground_ratio);
    out_label = on_sheet ? sheet_color_and_label.a : ground_color_and_label.a;
}
"""
)

_CONSTANTS = {
    "SQUARES_PER_METRE": f"{SQUARES_PER_METRE}",
    "LIGHT_SQUARE": f"vec3{LIGHT_SQUARE}",
    "STEPS_PER_METRE": f"{DEPTH_STEPS_PER_METRE}.0",
}


_SOURCES = {
    "body": (_SURFACE_VERTEX, _SURFACE_FRAGMENT),
    "ground": (_SURFACE_VERTEX, _SURFACE_FRAGMENT),
    "shadow": (_SHADOW_VERTEX, _SHADOW_FRAGMENT),
}
PROGRAMS = tuple(_SOURCES)
"""Bodies (and the workspace sheet); the ground plane, whose colour is that of its dark squares; bodies' shadows."""


def shaders(name: str) -> tuple[str, str]:
    """Sources (vertex, fragment) of one of ``PROGRAMS``."""
    defines = {**_CONSTANTS, "CHECKER": ""} if name == "ground" else _CONSTANTS
    head = "\n".join(["#version 430 core", *(f"#define {key} {value}" for key, value in defines.items())])
    vertex, fragment = _SOURCES[name]
    return head + vertex, head + fragment
