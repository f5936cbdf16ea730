"""Networks and losses that agents share."""
