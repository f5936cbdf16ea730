#!/usr/bin/env bash
# tyro 0.9.0: its wheel holds no module. pip installs it without a word, and "import tyro" fails.
#
# The wheel has the metadata and nothing else, so a lower bound of tyro>=0.9 allows an installation that cannot work.
# 0.9.1 has the module.
#
# Seen (Python 3.11): "tyro 0.9.0: 0 modules, ModuleNotFoundError; tyro 0.9.1: imports"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cd "$folder"
try() {
  "$folder/venv/bin/pip" install --quiet "tyro==$1"
  "$folder/venv/bin/python" - "$1" <<'PY'
import sys
from importlib.metadata import files
modules = sum(str(file).endswith(".py") for file in files("tyro"))
try:
    import tyro
    print(f"tyro {sys.argv[1]}: imports")
except ModuleNotFoundError as error:
    assert error.name == "tyro", error
    print(f"tyro {sys.argv[1]}: {modules} modules, ModuleNotFoundError")
PY
}
said="$(try 0.9.0); $(try 0.9.1)"
echo "$said"
test "$said" = "tyro 0.9.0: 0 modules, ModuleNotFoundError; tyro 0.9.1: imports"
