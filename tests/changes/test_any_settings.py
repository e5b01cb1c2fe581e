"""Property test: valid settings synthesize without a finding of cdk-nag."""

import dataclasses
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.settings import Settings
from tests.infrastructure.any_settings import VALUES, mended
from tests.infrastructure.variants import synthesize


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(st.fixed_dictionaries(VALUES).map(mended).filter(lambda each: each is not None))
def test_settings_that_validate_synthesize_without_a_finding(drawn: Settings) -> None:
    if drawn.model_store == "image":  # the models that can be put into it are not for PyTorch
        drawn = dataclasses.replace(drawn, engine="onnxruntime", torch_index=None)
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder), drawn)
