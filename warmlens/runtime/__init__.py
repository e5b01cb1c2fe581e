"""Execution of Lambda functions as local processes, under the Lambda Runtime API."""
