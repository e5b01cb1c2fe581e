"""Sections of the report, generated as Markdown from records."""
