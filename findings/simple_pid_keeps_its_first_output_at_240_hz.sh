#!/usr/bin/env bash
# simple-pid 2.0.1: with the time step of PyBullet, 1/240 s, given to it as dt, the controller returns its first output
# for ever. At 100 Hz it leaves out the steps that are rounded to less than 0.01 s: derivatives are up to 9 times too
# large.
#
# pid(measurement, dt=...) is there for simulations, whose time is not that of a clock: "if set, uses this value for
# timestep instead of real time". The setting sample_time, by default 0.01 s, is the time that has to pass before there
# is a new output. It is compared with each dt by itself; what passed in earlier calls is not added up, as it is where
# the clock measures it. So no number of calls with a smaller dt is ever enough: the joint runs on at the speed of the
# first call, and no integral grows. At exactly 100 Hz a dt that is the difference of two times, as those of a
# simulator or of a recording are, is below 0.01 in its last digit for more than half of the steps. These are left out,
# often several in a row, and the next one divides the way of all of them by the time of one: integrals are less than
# half of what they should be, and derivatives have peaks of nine times. Nothing is raised or logged. What fits:
# sample_time=None. Issue 90 of simple-pid (open) is about calls that follow one another faster than 10 ms on the clock,
# where this is what the setting is for.
#
# Seen (Python 3.11): "a slide that is to go to 1 m, after 10 s: 50 Hz 1.01, 100 Hz 1.01, 240 Hz 20.02, 500 Hz 20.01 m;
# outputs: 500, 1000, 1, 1; sample_time=None: 1.01, 1.01, 1.01, 1.01 m; times of 100 Hz subtracted: 606 of 1000 steps
# left out, integral of 1 over 10 s 3.94, slope of 1 up to 9.00; sample_time=None: 0, 10.00, 1.00"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "simple-pid==2.0.1"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

from simple_pid import PID

SECONDS = 10.0
RATES = (50, 100, 240, 500)


def slide(rate, **settings):
    """Where a slide is that is driven by its speed, in metres, and how many outputs it got."""
    pid = PID(2.0, 0.5, 0.1, setpoint=1.0, **settings)
    position, outputs = 0.0, set()
    for _ in range(round(SECONDS * rate)):
        speed = pid(position, dt=1.0 / rate)
        outputs.add(speed)
        position += speed / rate
    return round(position, 2), len(outputs)


def clock(**settings):
    """Of times of 100 Hz: the share of steps left out, the integral of an error of 1, and the slope of a ramp of 1."""
    integral, slope = PID(0.0, 1.0, 0.0, setpoint=1.0, **settings), PID(0.0, 0.0, -1.0, setpoint=1.0, **settings)
    times = [step * 0.01 for step in range(1001)]
    values, slopes = [0.0], []
    for before, now in zip(times, times[1:]):
        values.append(integral(0.0, dt=now - before))
        slopes.append(slope(now, dt=now - before))
    left_out = sum(now == before for before, now in zip(values, values[1:]))
    return left_out, round(values[-1], 2), round(max(slopes), 2)


plain = [slide(rate) for rate in RATES]
mended = [slide(rate, sample_time=None) for rate in RATES]
subtracted, right = clock(), clock(sample_time=None)
print("after 10 s: " + ", ".join(f"{rate} Hz {seen[0]:.2f} m of {seen[1]} outputs" for rate, seen in zip(RATES, plain)))
print("sample_time=None: " + ", ".join(f"{seen[0]:.2f} m" for seen in mended))
print(f"times of 100 Hz subtracted: {subtracted[0]} of 1000 steps left out, integral {subtracted[1]:.2f}, slope "
      f"{subtracted[2]:.2f}; sample_time=None: {right[0]}, {right[1]:.2f}, {right[2]:.2f}")
as_seen = plain == [(1.01, 500), (1.01, 1000), (20.02, 1), (20.01, 1)] and [seen[0] for seen in mended] == [1.01] * 4
sys.exit(not (as_seen and subtracted == (606, 3.94, 9.0) and right == (0, 10, 1)))
PY
