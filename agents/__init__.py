"""Learning agents, one file each. They see observations and camera parameters, never a simulator."""
