"""Layer 2: motion primitives, the task base class, and one file a task."""
