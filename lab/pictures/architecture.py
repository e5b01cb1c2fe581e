"""The architecture diagram: `python -m lab.pictures.architecture FILE`."""

import sys
from dataclasses import dataclass
from pathlib import Path

from lab.pictures.svg import INK, LINE, MUTED, arrow, box, document, text

WIDTH, HEIGHT = 980, 560
_BOX_WIDTH, _BOX_HEIGHT = 168, 62


@dataclass(frozen=True)
class Part:
    """A part of the system.

    Attributes:
        x: left edge.
        y: upper edge.
        name: its name.
        about: its task, in a few words.
        kind: its CloudFormation type; empty for parts outside AWS.
    """

    x: int
    y: int
    name: str
    about: str
    kind: str = ""


USER = Part(30, 200, "Page, phone, curl", "a person or a program")
CLOUDFRONT = Part(270, 60, "CloudFront", "the page, and the API", "AWS::CloudFront::Distribution")
PAGE = Part(520, 60, "Bucket: page", "static files", "AWS::S3::Bucket")
API = Part(270, 200, "API Gateway", "key, validation, limits", "AWS::ApiGateway::RestApi")
UPLOADS = Part(520, 150, "Function: uploads", "signs one upload", "AWS::Lambda::Function")
ALIAS = Part(520, 250, "Alias: live", "who is served, canary", "AWS::Lambda::Alias")
CLASSIFIER = Part(
    770, 250, "Function: classifier", "container image, ONNX", "AWS::Lambda::Function"
)
IMAGES = Part(270, 350, "Bucket: images", "photos, which expire", "AWS::S3::Bucket")
MODELS = Part(770, 370, "Bucket: models", "read once, at init", "AWS::S3::Bucket")
SCHEDULE = Part(270, 460, "Scheduler", "every N minutes", "AWS::Scheduler::Schedule")
WARMER = Part(520, 460, "Function: warmer", "N calls at once, counted", "AWS::Lambda::Function")
METRICS = Part(770, 460, "CloudWatch", "metrics, alarms", "AWS::CloudWatch::Dashboard")
PARTS = (
    USER, CLOUDFRONT, PAGE, API, UPLOADS, ALIAS, CLASSIFIER, IMAGES, MODELS, SCHEDULE, WARMER,
    METRICS,
)  # fmt: skip


def draw() -> str:
    """Return the diagram as SVG."""
    parts = [
        text(30, 32, "One request, and what keeps instances warm", size=17, bold=True),
        *(_drawn(part) for part in PARTS),
        _across(USER, API, "1 uploads, 4 classification"),
        arrow([(198, 215), (232, 215), (232, 91), (266, 91)]),
        arrow([(354, 122), (354, 196)]),
        arrow([(438, 91), (516, 91)]),
        _across(API, UPLOADS, "2"),
        _across(API, ALIAS, "5"),
        _across(ALIAS, CLASSIFIER, ""),
        arrow([(114, 262), (114, 381), (266, 381)]),
        text(124, 372, "3 photo, straight to S3", size=12, color=MUTED),
        arrow([(766, 300), (735, 300), (735, 381), (442, 381)]),
        text(470, 372, "6 reads the photo", size=12, color=MUTED),
        arrow([(854, 312), (854, 366)]),
        _across(SCHEDULE, WARMER, ""),
        arrow([(604, 456), (604, 316)], dashed=True),
        text(612, 430, "N overlapping wakeups", size=12, color=MUTED),
        _across(WARMER, METRICS, ""),
        text(30, 548, "Solid: a request with an uploaded photo (one in the call takes 4 and 5). "
             "Dashed: warming, where the setting is not off.", size=12, color=MUTED),
    ]  # fmt: skip
    return document(WIDTH, HEIGHT, "Architecture of Warmlens", parts)


def _drawn(part: Part) -> str:
    fill = "#fbe9de" if part.kind == "AWS::Lambda::Function" else "#f6f4f1"
    center = part.x + _BOX_WIDTH / 2
    return "\n".join(
        [
            box(part.x, part.y, _BOX_WIDTH, _BOX_HEIGHT, fill=fill, stroke=LINE),
            text(center, part.y + 26, part.name, size=14, anchor="middle", color=INK, bold=True),
            text(center, part.y + 45, part.about, size=12, anchor="middle", color=MUTED),
        ]
    )


def _across(left: Part, right: Part, words: str) -> str:
    start = (float(left.x + _BOX_WIDTH), left.y + _BOX_HEIGHT / 2)
    end = (float(right.x - 4), right.y + _BOX_HEIGHT / 2)
    middle = (start[0] + end[0]) / 2
    points = (
        [start, end] if start[1] == end[1] else [start, (middle, start[1]), (middle, end[1]), end]
    )
    label = text(middle + 6, end[1] - 6, words, size=12, color=MUTED)
    if len(words) > 2:
        label = text(start[0] - _BOX_WIDTH, left.y - 10, words, size=12, color=MUTED)
    return "\n".join([arrow(points), label])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), encoding="utf-8")
