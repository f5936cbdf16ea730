"""What one learns about a trained agent beyond its score."""
