"""Tasks whose goal only a sentence tells: one a file, at the difficulty of the published ones (arXiv 2109.12098).

The same scene has several possible goals, so an agent must read ``instruction`` of the observation. In tasks of several
steps it changes when a step is complete.
"""
