"""Data and policies of other libraries."""
