"""The local cloud: the deployed app, unchanged, on a laptop. A development tool."""
