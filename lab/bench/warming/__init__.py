"""What warming buys: policies under the same arrivals, in a model of Lambda's instances."""
