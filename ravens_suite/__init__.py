"""Vision-based tabletop rearrangement as a simulation benchmark."""
