"""Load on the whole local cloud: as much as it takes for long, and three times as much."""
