"""The paper's Lambda handler: ResNet50 with PyTorch, torchvision and boto3.

It does what the classifier does and prints the same stages, so that their times can be compared.
Like most such handlers it is short and checks no input. It is never deployed and imports nothing of
this project.
"""

import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def measured(stages_ms: dict[str, float], name: str) -> Iterator[None]:
    """Measure the block as the stage `name`, in milliseconds."""
    begun_s = time.perf_counter()
    yield
    stages_ms[name] = (time.perf_counter() - begun_s) * 1000


INIT_MS: dict[str, float] = {}

with measured(INIT_MS, "imports"):
    import boto3
    import torch

    try:
        import torchvision
    except RuntimeError:
        # torchvision built for CUDA needs these operators, which torch for the CPU lacks.
        LIBRARY: Any = torch.library.Library
        OPERATORS = LIBRARY("torchvision", "DEF")
        for arguments in ("nms(Tensor a, Tensor b, float c)", "qnms(Tensor a, Tensor b, float c)"):
            OPERATORS.define(f"{arguments} -> Tensor")
        import torchvision
    from PIL import Image
    from torchvision import transforms

with measured(INIT_MS, "images_client"):
    S3 = boto3.client("s3")

with measured(INIT_MS, "files"):
    WEIGHTS = os.environ.get("WEIGHTS_FILE", "")
    if not WEIGHTS:
        WEIGHTS = f"{os.environ['TMPDIR']}/weights.pt"
        S3.download_file(os.environ["MODELS_BUCKET"], os.environ["WEIGHTS_KEY"], WEIGHTS)

with measured(INIT_MS, "session"):
    # One thread for each processor, as in the classifier: more would compete for the share.
    torch.set_num_threads(max(1, int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) // 1769))
    CLASSES = int(os.environ["CLASS_COUNT"])
    MODEL = torchvision.models.resnet50(num_classes=CLASSES)
    MODEL.load_state_dict(torch.load(WEIGHTS, map_location="cpu"))
    MODEL.eval()

PREPARE = transforms.Compose(
    [
        transforms.Resize(int(os.environ["RESIZE_PX"])),
        transforms.CenterCrop(int(os.environ["INPUT_PX"])),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)
print(json.dumps({"message": "init", "stages_ms": INIT_MS}), flush=True)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer `{"method": "classification", "file_path": ...}` as the paper's Fig. 6 prints it."""
    begun_s = time.time()
    stages_ms: dict[str, float] = {}
    with measured(stages_ms, "fetch"):
        found = S3.get_object(Bucket=os.environ["IMAGES_BUCKET"], Key=event["file_path"])
        data = found["Body"].read()
    with measured(stages_ms, "decode"):
        image = PREPARE(Image.open(io.BytesIO(data)).convert("RGB")).unsqueeze(0)
    with measured(stages_ms, "inference"), torch.no_grad():
        softmax = torch.softmax(MODEL(image)[0], dim=0)
        values, places = softmax.topk(5)
    answer: dict[str, Any] = {"method": "classification"}
    for rank, (value, place) in enumerate(zip(values, places, strict=True), start=1):
        answer[f"TOP{rank}_ID"] = f"{place.item():05}"
        answer[f"TOP{rank}_softmax"] = value.item()
    return {**answer, "time": time.time() - begun_s, "stages_ms": stages_ms}
