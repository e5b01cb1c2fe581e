"""A Lambda handler of today without PyTorch: ResNet50 in fp32 on ONNX Runtime, NumPy and boto3.

It is what a competent engineer writes from the libraries' own documentation: the session with its
defaults (https://onnxruntime.ai/docs/api/python/api_summary.html), one thread for each processor,
preparation as torchvision's documentation gives it. Like the other baseline it prints the
classifier's stages, checks no input, is never deployed and imports nothing of this project.
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
    import numpy as np
    import onnxruntime
    from PIL import Image

with measured(INIT_MS, "images_client"):
    S3 = boto3.client("s3")

with measured(INIT_MS, "files"):
    MODEL = os.environ.get("ONNX_FILE", "")
    if not MODEL:
        MODEL = f"{os.environ['TMPDIR']}/model.onnx"
        S3.download_file(os.environ["MODELS_BUCKET"], os.environ["ONNX_KEY"], MODEL)

with measured(INIT_MS, "session"):
    MEMORY_MB = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    OPTIONS = onnxruntime.SessionOptions()
    OPTIONS.intra_op_num_threads = max(1, MEMORY_MB // 1769)
    SESSION = onnxruntime.InferenceSession(MODEL, OPTIONS, providers=["CPUExecutionProvider"])
    INPUT = SESSION.get_inputs()[0].name

RESIZE_PX, INPUT_PX = int(os.environ["RESIZE_PX"]), int(os.environ["INPUT_PX"])
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
print(json.dumps({"message": "init", "stages_ms": INIT_MS}), flush=True)


def prepare(data: bytes) -> Any:
    """Return a photo as the network's input, float32 [1, 3, height, width]."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = RESIZE_PX / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    left, top = (width - INPUT_PX) // 2, (height - INPUT_PX) // 2
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    image = image.crop((left, top, left + INPUT_PX, top + INPUT_PX))
    pixels = (np.asarray(image, np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer `{"method": "classification", "file_path": ...}` as the paper's Fig. 6 prints it."""
    begun_s = time.time()
    stages_ms: dict[str, float] = {}
    with measured(stages_ms, "fetch"):
        found = S3.get_object(Bucket=os.environ["IMAGES_BUCKET"], Key=event["file_path"])
        data = found["Body"].read()
    with measured(stages_ms, "decode"):
        pixels = prepare(data)
    with measured(stages_ms, "inference"):
        logits = SESSION.run(None, {INPUT: pixels})[0][0]
        exponents = np.exp(logits - logits.max())
        softmax = exponents / exponents.sum()
        best = np.argsort(softmax)[::-1][:5]
    answer: dict[str, Any] = {"method": "classification"}
    for rank, place in enumerate(best, start=1):
        answer[f"TOP{rank}_ID"] = f"{place:05}"
        answer[f"TOP{rank}_softmax"] = float(softmax[place])
    return {**answer, "time": time.time() - begun_s, "stages_ms": stages_ms}
