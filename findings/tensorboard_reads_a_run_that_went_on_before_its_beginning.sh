#!/usr/bin/env bash
# tensorboard 2.21.0: EventAccumulator may lose the second half of the curve of a run that is stopped and goes on within
# the same second, though both files are whole.
#
# torch's SummaryWriter(purge_step=...) writes by TensorBoard's EventFileWriter. Names of its files end in the second, the
# host, the process and a number that counts the writers of the process, without leading zeros. EventAccumulator reads
# the files of a folder in the order of their names as text, in which 10 comes before 9. The file of the run that went
# on is then read first, and the start of the first one, at step 0, purges what it holds as if that were out of date. It
# meets tests and sweeps that train many short runs in one process, and rarely: only where the count passes from 9 to 10
# or from 99 to 100 between the two. The time of the first event in each file gives the right order.
#
# Seen (Python 3.11): "names in order: 10, 9; steps read: 0 1 of 0 1 2 3; by the time of the first event: 0 1 2 3"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "tensorboard==2.21.0" "numpy==2.4.6" "setuptools==80.9.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging
import sys
import time
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

logging.disable(logging.WARNING)


def run(first, last):
    """What SummaryWriter(purge_step=first) and add_scalar write."""
    writer = EventFileWriter("run")
    writer.add_event(Event(wall_time=time.time(), step=first, session_log=SessionLog(status=SessionLog.START)))
    for step in range(first, last):
        value = Summary.Value(tag="score", simple_value=float(step))
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))
    writer.close()


number = -1
while number < 8:  # Other runs of this process.
    writer = EventFileWriter("others")
    number = int(sorted(Path("others").iterdir(), key=lambda path: path.stat().st_mtime_ns)[-1].name.rpartition(".")[2])
    writer.close()
time.sleep(1.05 - time.time() % 1)  # Both of the next ones begin in one second.
run(0, 2)
run(2, 4)

names = sorted(path.name for path in Path("run").iterdir())
numbers = [name.rpartition(".")[2] for name in names]
seconds = {name.split(".")[3] for name in names}
events = EventAccumulator("run")
events.Reload()
read = [event.step for event in events.Scalars("score")]

files = [list(EventFileLoader(str(path)).Load()) for path in Path("run").iterdir()]
right = {}
for file in sorted(files, key=lambda file: file[0].wall_time):
    for event in file:
        if event.session_log.status == SessionLog.START:
            right = {step: score for step, score in right.items() if step < event.step}
        for _ in event.summary.value:
            right[event.step] = True
said = f"names in order: {', '.join(numbers)}; steps read: {' '.join(map(str, read))} of 0 1 2 3; "
said += f"by the time of the first event: {' '.join(map(str, sorted(right)))}"
print(said)
same = len(seconds) == 1 and numbers == ["10", "9"] and read == [0, 1] and sorted(right) == [0, 1, 2, 3]
sys.exit(0 if same else "It is no longer so.")
PY
