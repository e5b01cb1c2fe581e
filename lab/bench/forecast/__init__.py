"""Plans from real traffic of the past, checked on what came next."""
