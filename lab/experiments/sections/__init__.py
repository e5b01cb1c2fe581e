"""Sections of the report: each makes Markdown from records, or nothing without them."""
