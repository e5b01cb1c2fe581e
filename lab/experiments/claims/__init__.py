"""The paper's claims: one rule each, which gives a verdict from records."""
