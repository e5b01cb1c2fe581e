"""The CDK stacks of an environment, and its settings."""
