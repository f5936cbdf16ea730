"""How a scene becomes images: one interface, two renderers."""
