"""Layer 1: the simulated scene, the robot, its grippers and the renderers. Only this layer imports Bullet."""
