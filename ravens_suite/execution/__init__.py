"""Where units of work run: this process, several processes, a Ray cluster."""
