"""Costs on arm64 as ranges: no such machine was available, so others' times bound ours."""

from lab.experiments.prices import TODAY, api_usd
from warmlens.records import Record

TIMES = 1 / 1.19, 1.99
"""The least and most time that a call takes on arm64, as a multiple of that on x86-64, of other
functions on Lambda: "designed to deliver up to 19 percent better performance" (AWS, 2021,
https://aws.amazon.com/blogs/aws/aws-lambda-functions-powered-by-aws-graviton2-processor-run-your-functions-on-arm-and-get-up-to-34-better-price-performance/),
and NumPy on small memory sizes, up to 99 % faster on x86-64 (https://www.amanox.ch/de/awslambda/).
Between them: 7 of 18 functions were faster on arm64 (Chen et al., "X86 vs. ARM: An Investigation of
Factors Influencing Serverless Performance", WoSC 2023). None runs int8 convolutions."""


def usd_per_million(record: Record) -> str:
    """Return the range of a cost that was computed with the time on x86-64.

    Args:
        record: the cost of a million requests at arm64's price, with the API of its conditions.
    """
    fees = TODAY["lambda_per_request"] + TODAY["s3_per_get"] + api_usd(record.conditions["api"])
    ends = (fees * 1e6 + (record.value - fees * 1e6) * times for times in TIMES)
    return " to ".join(f"{usd:.2f}" for usd in ends)


def requests_per_s(on_x86: float) -> str:
    """Return the range of a server's requests a second, from those with the time on x86-64."""
    return " to ".join(f"{on_x86 / times:.1f}" for times in reversed(TIMES))
