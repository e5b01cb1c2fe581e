"""The metrics that a picture of an environment in AWS is drawn from."""

from dataclasses import dataclass

from warmlens.deployment import Deployment

OWN, LAMBDA, GATEWAY = "Warmlens", "AWS/Lambda", "AWS/ApiGateway"


@dataclass(frozen=True)
class Metric:
    """A metric in CloudWatch.

    Attributes:
        namespace: its namespace.
        name: its name.
        dimension: name and value of its only dimension.
    """

    namespace: str
    name: str
    dimension: tuple[str, str]


def functions_of(deployment: Deployment) -> dict[str, str]:
    """Return the names of an environment's functions: the classifier, uploads and any warmer.

    Raises:
        WarmlensError: only a part of the environment is deployed.
    """
    functions = {
        "classifier": deployment.output("ClassifierFunction"),
        "uploads": f"warmlens-{deployment.name}-uploads",
    }
    warmer = deployment.outputs.get("WarmerFunction")
    return functions if warmer is None else {**functions, "warmer": warmer}


def queries_of(deployment: Deployment) -> dict[str, tuple[Metric, str]]:
    """Return the metrics to ask for, each with its statistic, by the name that a reading uses.

    Raises:
        WarmlensError: only a part of the environment is deployed.
    """
    functions = functions_of(deployment)
    api = ("ApiName", f"warmlens-{deployment.name}-api")
    if deployment.output("ApiKind") == "http":
        api = ("ApiId", deployment.output("ApiId"))

    def own(metric: str) -> Metric:
        return Metric(OWN, metric, ("Environment", deployment.name))

    def of_function(name: str, metric: str) -> Metric:
        return Metric(LAMBDA, metric, ("FunctionName", functions[name]))

    queries = {
        "photos": (own("LatencyMs"), "SampleCount"),
        "time_ms": (own("LatencyMs"), "Sum"),
        "slowest_ms": (own("LatencyMs"), "Maximum"),
        "cold": (own("ColdStart"), "Sum"),
        "init_ms": (own("InitMs"), "Sum"),
        "ahead": (own("ColdStartAhead"), "Sum"),
        "faults": (own("Fault"), "Sum"),
        "errors": (of_function("classifier", "Errors"), "Sum"),
        "throttles": (of_function("classifier", "Throttles"), "Sum"),
        "at_work": (of_function("classifier", "ConcurrentExecutions"), "Maximum"),
        "api": (Metric(GATEWAY, "Count", api), "Sum"),
    }
    for name in functions:
        queries[f"{name}_calls"] = (of_function(name, "Invocations"), "Sum")
        queries[f"{name}_ms"] = (of_function(name, "Duration"), "Sum")
    if "warmer" in functions:
        queries |= {
            "absorbed": (own("ColdStartsAbsorbed"), "Sum"),
            "reached": (own("WarmInstances"), "Minimum"),
            "coverage": (own("WarmCoverage"), "Minimum"),
            "wakeups_throttled": (own("WarmerThrottled"), "Sum"),
        }
    return queries
