"""Scene, bodies, kinematics, robot and grippers; the only room with Bullet and OpenGL."""
