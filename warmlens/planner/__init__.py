"""How many instances, how much memory, what it costs: simulated before anything is deployed."""
