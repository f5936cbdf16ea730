"""World models, one file each; see ``base.py``."""
