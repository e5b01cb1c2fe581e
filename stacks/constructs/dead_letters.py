"""Dead-letter queues."""

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.policies import acknowledge


def dead_letter_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """Create an encrypted queue that keeps failed events for two weeks."""
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    reason = "It is itself where undelivered events go; an alarm tells a person of them."
    acknowledge(queue, {"AwsSolutions-SQS3": reason, "Serverless-SQSRedrivePolicy": reason})
    return queue
