"""What people look at: pages, charts, films, pictures."""
