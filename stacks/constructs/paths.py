"""Paths of the repository's deployed files."""

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
LAMBDA_SRC = _ROOT / "lambda_src"
MODEL_ARTIFACTS = _ROOT / "model_artifacts"
WEB = _ROOT / "web"
API_PAGE = _ROOT / "docs" / "api.md"
PRICES = _ROOT / "warmlens" / "prices"
