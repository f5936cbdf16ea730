#!/usr/bin/env bash
# xacro 2.1.1: a robot of revision 1.10 is built of the calibration and the meshes of revision 1.1, and the hand with
# the serial number 12e4 is 120000.0. Quotes, which help in the parameters of macros, do nothing in a property.
#
# One description serves several arms, and an argument says which: revision, serial number, the number of a cell. It is
# handed on by properties, load_yaml('arm_${revision}.yaml') takes what was measured of that arm, and names and meshes
# have it, too. Whatever can be read as a number becomes one when the property is used, and is written as Python writes
# numbers: 1.10 is 1.1, 01 is 1, 12e4 is 120000.0, and "${revision == '1.10'}" is false. Where files of 1.1 exist these
# are taken, with no message: links of another length, offsets of another arm. $(arg revision) by itself keeps the text,
# so that in one file a name made by it and one made by ${revision} differ. Upstream: issue 246 (closed) was about 1_2
# as 12, which is mended, and has the quotes. In a property they are taken off first, and the number is made after that;
# so is value="${'1.10'}". What fits: a value that no number can be, as v1.10; or quotes within the argument itself.
#
# Seen (Python 3.11), revision and length in mm of the link: "$(arg) 1.10, property 1.1, quoted 1.1, expression 1.1,
# macro 1.1, macro quoted 1.10, quotes in the argument 1.10, v1.10: v1.10; length 305 by the property, 312 by the file
# of 1.10; 12e4: 120000.0; 01: 1"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile "xacro==2.1.1" "PyYAML==6.0.4"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path

import xacro

for name, length in (("1.1", 0.305), ("1.10", 0.312)):
    Path(f"arm_{name}.yaml").write_text(f"length: {length}\n")


def link(lines, **arguments):
    """The link that xacro writes for these lines, with its name and length."""
    text = f'<robot name="arm" xmlns:xacro="http://www.ros.org/wiki/xacro">{lines}</robot>'
    Path("arm.urdf.xacro").write_text(text)
    document = xacro.process_file("arm.urdf.xacro", mappings=arguments)
    return document.getElementsByTagName("link")[0]


def name(lines, **arguments):
    return link(lines, **arguments).getAttribute("name")


ARGUMENT = '<xacro:arg name="revision" default="1.10"/>'
LINK = '<link name="${revision}"/>'
MACRO = f'<xacro:macro name="arm" params="revision">{LINK}</xacro:macro>'


def by_property(value):
    return f'<xacro:property name="revision" value="{value}"/>{LINK}'


HANDED_ON = ARGUMENT + by_property("$(arg revision)")
seen = {
    "$(arg)": name(ARGUMENT + '<link name="$(arg revision)"/>'),
    "property": name(HANDED_ON),
    "quoted": name(by_property("'1.10'")),
    "expression": name(by_property("${'1.10'}")),
    "macro": name(MACRO + '<xacro:arm revision="1.10"/>'),
    "macro quoted": name(MACRO + "<xacro:arm revision=\"'1.10'\"/>"),
    "quotes in the argument": name(HANDED_ON, revision="'1.10'"),
    "v1.10:": name(HANDED_ON, revision="v1.10"),
}
FILE = "${xacro.load_yaml('arm_' + str(revision) + '.yaml')['length']}"
lengths = [
    float(link(lines + f'<link name="upper" length="{FILE}"/>', **arguments).getAttribute("length"))
    for lines, arguments in (
        (ARGUMENT + '<xacro:property name="revision" value="$(arg revision)"/>', {}),
        (ARGUMENT + '<xacro:property name="revision" value="$(arg revision)"/>', {"revision": "'1.10'"}),
    )
]
serial, cell = name(HANDED_ON, revision="12e4"), name(HANDED_ON, revision="01")
print(", ".join(f"{way} {revision}" for way, revision in seen.items()), end="; ")
print("length {:.0f} by the property, {:.0f} by the file of 1.10".format(*(1000 * each for each in lengths)), end="; ")
print(f"12e4: {serial}; 01: {cell}")
wrong = {way for way, revision in seen.items() if revision == "1.1"}
sys.exit(
    wrong != {"property", "quoted", "expression", "macro"}
    or [seen["$(arg)"], seen["macro quoted"], seen["quotes in the argument"]] != ["1.10"] * 3
    or lengths != [0.305, 0.312]
    or (serial, cell) != ("120000.0", "1")
)
PY
