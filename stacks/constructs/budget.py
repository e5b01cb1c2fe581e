"""The AWS Budget that reports what the account costs in a month."""

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.policies import for_this_account

ALARMS_PERCENT = (10, 50, 100)


class Budget(Construct):
    """A monthly budget of the whole account, with a notice at 10, 50 and 100 % of it.

    Not of the environment alone: a budget by tag counts nothing until somebody activates the tag
    for billing, and does not report that. It has no name of its own, since a change of its notices
    replaces it, which CloudFormation cannot do under the same name.

    Args:
        budget_usd: the budget.
        topic: topic that notices are sent to.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, budget_usd: int, topic: sns.Topic
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        own = f"arn:{stack.partition}:budgets::{stack.account}:*"
        # Source: AWS Cost Management user guide, "Creating an Amazon SNS topic for budget
        # notifications".
        allowed = topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={**for_this_account(self), "ArnLike": {"aws:SourceArn": own}},
            )
        )
        budget = budgets.CfnBudget(
            self,
            "Month",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=budget_usd, unit="USD"),
                # Credits would hide costs until they are used up.
                cost_types=budgets.CfnBudget.CostTypesProperty(
                    include_credit=False, include_refund=False
                ),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type="ACTUAL",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            address=topic.topic_arn, subscription_type="SNS"
                        )
                    ],
                )
                for percent in ALARMS_PERCENT
            ],
        )
        # Budgets checks that it may publish when it is created.
        if allowed.policy_dependable is not None:
            budget.node.add_dependency(allowed.policy_dependable)
