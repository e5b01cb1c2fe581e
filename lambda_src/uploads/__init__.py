"""The uploads function, which signs uploads and wakes the classifier meanwhile."""
