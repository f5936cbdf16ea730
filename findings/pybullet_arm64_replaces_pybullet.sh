#!/usr/bin/env bash
# pybullet-arm64 3.2.8 is not for arm64 alone: it has wheels for Linux on x86-64, macOS and Windows, from Python 3.10 to
# 3.13, where pybullet 3.2.7 has wheels for Linux up to 3.11 only. It installs the same module, pybullet, but under a
# distribution name of its own, so that:
#
# - nothing that asks for the installed version of "pybullet" finds it (importlib.metadata, requirements of others);
# - pip installs both side by side without a word, the later one over the files of the earlier one, and `pip check` is
#   content; which simulator runs depends on the order;
# - uninstalling one then deletes the module of both, while pip still lists the other as installed.
#
# Needs Linux on x86-64 with Python 3.11; downloads 200 MB.
#
# Seen (Python 3.11, pip 23.2): "alone: imports, no metadata of pybullet; both: 4456 files shared, the module is of
# pybullet-arm64, pip check passes; without pybullet: pybullet-arm64 3.2.8 listed, no module"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
cd "$folder"
bin="$folder/venv/bin"

"$bin/pip" install --quiet --only-binary :all: "pybullet-arm64==3.2.8"
alone=$("$bin/python" - 2>/dev/null <<'PY'
from importlib.metadata import PackageNotFoundError, version
import pybullet
try:
    print("imports, metadata of pybullet", version("pybullet"))
except PackageNotFoundError:
    print("imports, no metadata of pybullet")
PY
)
"$bin/pip" uninstall --quiet --yes pybullet-arm64
"$bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7"
"$bin/pip" install --quiet --only-binary :all: "pybullet-arm64==3.2.8"
both=$("$bin/python" - <<'PY'
import base64, hashlib
from importlib.metadata import files

first, second = ({str(file): file for file in files(name)} for name in ("pybullet", "pybullet-arm64"))
name = next(name for name in first if name.startswith("pybullet.") and name.endswith(".so"))
digest = hashlib.sha256(first[name].locate().read_bytes()).digest()
installed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
owners = [owner for owner, kept in (("pybullet", first), ("pybullet-arm64", second)) if kept[name].hash.value == installed]
print(f"{len(first.keys() & second.keys())} files shared, the module is of {' and '.join(owners)}")
PY
)
check=$("$bin/pip" check >/dev/null && echo passes || echo fails)
"$bin/pip" uninstall --quiet --yes pybullet
listed=$("$bin/pip" list --format freeze 2>/dev/null | grep '^pybullet' | tr '=' ' ' | tr -s ' ')
module=$("$bin/python" -c "import pybullet" 2>/dev/null && echo "a module" || echo "no module")

said="alone: $alone; both: $both, pip check $check; without pybullet: $listed listed, $module"
echo "$said"
test "$said" = "alone: imports, no metadata of pybullet; both: 4456 files shared, the module is of pybullet-arm64, \
pip check passes; without pybullet: pybullet-arm64 3.2.8 listed, no module"
