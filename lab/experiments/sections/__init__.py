"""The report's sections: each takes the records and gives Markdown, or nothing without them."""
