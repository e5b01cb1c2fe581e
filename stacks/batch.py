"""The batch stack: a state machine that classifies all photos below a prefix."""

import json

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.bucket import private_bucket
from stacks.constructs.function import log_group
from stacks.constructs.output import output
from stacks.policies import acknowledge
from stacks.settings import Settings

PHOTOS_IN_A_CHILD = 40
"""Photos of one child workflow. Each child is a state transition, $25 a million, so fewer photos
cost more; a child of the kind Express ends after five minutes, so more may not be done in time."""
RESULTS_PREFIX = "results"
_TOLERATED_PERCENT = 5
# What Lambda answers when it could not take a call; Step Functions developer guide, "Handling
# transient Lambda service exceptions", and the error of a throttled call.
_NOT_TAKEN = [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
]


class BatchStack(cdk.Stack):
    """A stack with a Step Functions Distributed Map over photos in the images bucket.

    It calls the classifier by the path of each photo and writes results as JSON Lines.

    Args:
        settings: settings of the environment.
        classifier: the alias that is called.
        images: bucket with the photos.
        access_logs: bucket for access logs; None without them.

    Attributes:
        machine: the state machine; its input is `{"prefix"}`.
        results: bucket for the results.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        classifier: lambda_.IFunction,
        images: s3.IBucket,
        access_logs: s3.IBucket | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.results = private_bucket(
            self, "Results", settings=settings, versioned=False, access_logs=access_logs
        )
        if settings.image_expiry_days is not None:
            self.results.add_lifecycle_rule(
                expiration=cdk.Duration.days(settings.image_expiry_days)
            )
        photos = sfn.DistributedMap(
            self,
            "Photos",
            label="Photos",
            map_execution_type=sfn.StateMachineType.EXPRESS,
            item_reader=sfn.S3ObjectsItemReader(
                bucket=images, prefix=sfn.JsonPath.string_at("$.prefix")
            ),
            item_selector={"photo": sfn.JsonPath.string_at("$$.Map.Item.Value.Key")},
            item_batcher=sfn.ItemBatcher(max_items_per_batch=PHOTOS_IN_A_CHILD),
            max_concurrency=settings.batch_concurrency,
            tolerated_failure_percentage=_TOLERATED_PERCENT,
            result_writer_v2=sfn.ResultWriterV2(
                bucket=self.results,
                prefix=RESULTS_PREFIX,
                writer_config=sfn.WriterConfig(
                    output_type=sfn.OutputType.JSONL, transformation=sfn.Transformation.FLATTEN
                ),
            ),
        )
        photos.item_processor(self._one_after_another(classifier, images))
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=settings.physical_name("batch"),
            definition_body=sfn.DefinitionBody.from_chainable(photos),
            tracing_enabled=settings.traced_share > 0,
            logs=sfn.LogOptions(
                # With this name AWS lets the log's policy, which is limited in size, alone.
                destination=log_group(
                    self,
                    "Logs",
                    settings=settings,
                    name=f"/aws/vendedlogs/states/{settings.physical_name('batch')}",
                ),
                level=sfn.LogLevel.ERROR,
                include_execution_data=False,
            ),
        )
        self._acknowledge(settings)
        output(self, "BatchMachine", self.machine.state_machine_arn, settings=settings)
        output(self, "BatchResultsBucket", self.results.bucket_name, settings=settings)
        output(self, "BatchConcurrency", str(settings.batch_concurrency), settings=settings)

    def _one_after_another(self, classifier: lambda_.IFunction, images: s3.IBucket) -> sfn.Map:
        """Return the steps of a child workflow, whose output is a list with a line each photo."""
        about = {
            "photo": sfn.JsonPath.string_at("$.photo"),
            "source": f"s3://{images.bucket_name}/",
        }
        call = tasks.LambdaInvoke(
            self,
            "Classify",
            lambda_function=classifier,
            payload=sfn.TaskInput.from_object(
                {"method": "classification", "file_path": sfn.JsonPath.string_at("$.photo")}
            ),
            result_selector={"answer": sfn.JsonPath.object_at("$.Payload")},
            result_path="$.call",
            retry_on_service_exceptions=False,
        )
        call.add_retry(
            errors=_NOT_TAKEN,
            interval=cdk.Duration.seconds(1),
            backoff_rate=2,
            max_delay=cdk.Duration.seconds(20),
            max_attempts=6,
            jitter_strategy=sfn.JitterType.FULL,
        )
        failed = sfn.Pass(
            self,
            "NotAnswered",
            parameters={
                **about,
                "error": {
                    "code": sfn.JsonPath.string_at("$.failure.Error"),
                    "message": sfn.JsonPath.string_at("$.failure.Cause"),
                },
            },
        )
        call.add_catch(failed, errors=["States.ALL"], result_path="$.failure")
        refused = sfn.Pass(
            self,
            "Refused",
            parameters={**about, "error": sfn.JsonPath.object_at("$.call.answer.error")},
        )
        answered = sfn.Pass(
            self,
            "Answered",
            parameters={**about, "answer": sfn.JsonPath.object_at("$.call.answer")},
        )
        is_refused = sfn.Condition.is_present("$.call.answer.error")
        outcome = sfn.Choice(self, "Outcome").when(is_refused, refused).otherwise(answered)
        each = sfn.Map(self, "EachPhoto", items_path="$.Items", max_concurrency=1)
        each.item_processor(call.next(outcome))
        return each

    def _acknowledge(self, settings: Settings) -> None:
        parts = {"Fn::Split": [":", {"Ref": _logical_id(self.machine)}]}
        name = json.dumps({"Fn::Select": [6, parts]}, separators=(",", ":"))
        here = [
            f"<AWS::{pseudo}>" if cdk.Token.is_unresolved(value) else value
            for pseudo, value in (
                ("Partition", self.partition),
                ("Region", self.region),
                ("AccountId", self.account),
            )
        ]
        executions = f"arn:{here[0]}:states:{here[1]}:{here[2]}:execution:{name}"
        results = f"arn:<AWS::Partition>:s3:::<{_logical_id(self.results)}>"
        anywhere = "Log deliveries take no resource, nor do X-Ray's actions."
        findings = {
            "AwsSolutions-IAM5[Resource::*]": anywhere,
            f"AwsSolutions-IAM5[Resource::{results}/*]": "Each run has results of a new name.",
            f"AwsSolutions-IAM5[Resource::{executions}:*]": "Its own children.",
            f"AwsSolutions-IAM5[Resource::{executions}/Photos:*]": "The same.",
            "AwsSolutions-SF1": "Errors are logged; all events would be kilobytes a photo.",
        }
        if not settings.traced_share:
            findings["AwsSolutions-SF2"] = "The settings ask for none."
            findings["Serverless-StepFunctionStateMachineXray"] = "The settings ask for none."
        acknowledge(self.machine, findings)


def _logical_id(construct: cdk.Resource) -> str:
    resource = construct.node.default_child
    assert isinstance(resource, cdk.CfnElement)
    return cdk.Stack.of(construct).get_logical_id(resource)
