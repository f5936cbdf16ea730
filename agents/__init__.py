"""Learning agents, one file each. They see observations and camera parameters, never a simulator.

Whatever imports an agent imports this first, and torch after it. So this is where threads that wait for others are told
not to spin, for notebooks and scripts as for the command line: on a machine with other work, two spinning threads took
14.9 s for a training step that one did in 1.9. libgomp reads the variable once, when torch loads it
(https://gcc.gnu.org/onlinedocs/libgomp/OMP_005fWAIT_005fPOLICY.html); a value that is there already stays.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
