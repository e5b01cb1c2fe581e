"""Model versions: their manifest, their checks, their way into the store, and how they are made."""
