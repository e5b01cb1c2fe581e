"""Where the parts of the repository lie, and where state is kept."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAMBDA_SRC = ROOT / "lambda_src"
MODEL_ARTIFACTS = ROOT / "model_artifacts"
WEB = ROOT / "web"
STATE = ROOT / ".warmlens"
