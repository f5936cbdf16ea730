"""Layer 3: the scripted oracle and the Gymnasium environment."""
