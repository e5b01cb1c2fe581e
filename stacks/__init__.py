"""What is deployed: settings, the stage of one environment, and its stacks."""
