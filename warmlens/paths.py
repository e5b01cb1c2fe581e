"""Paths of the checkout's parts, and of the state that commands keep."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAMBDA_SRC = ROOT / "lambda_src"
MODEL_ARTIFACTS = ROOT / "model_artifacts"
WEB = ROOT / "web"
STATE = ROOT / ".warmlens"
LOCAL_CLOUD = STATE / "local"
STATE_FILE = "state.json"
