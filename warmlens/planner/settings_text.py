"""A plan as settings to paste into app.py."""

from warmlens.planner.candidates import USER_RESERVE, Candidate

# As in stacks/settings.py, which the command line does without; a test compares them.
DEFAULT_MAX_IMAGE_PIXELS, INSTANCE_MB, DECODE_BYTES_PER_PIXEL = 50_000_000, 100, 25


def settings_text(candidate: Candidate, *, region: str, peak_busy: int) -> str:
    """Return the settings of `stacks/settings.py` that the plan says something about.

    Args:
        candidate: the plan.
        region: AWS region.
        peak_busy: most calls at once that were simulated, for the hint at reserved concurrency.
    """
    lines = [
        "Settings(",
        '    env_name="prod",',
        f'    region="{region}",',
        f"    memory_mb={candidate.measured.memory_mb},",
        *_pixels(candidate.measured.memory_mb),
        f'    architecture="{candidate.measured.architecture}",',
        f'    model_store="{candidate.measured.model_store}",',
        f'    warming="{candidate.warming}",',
    ]
    if candidate.warming != "off":
        counts = candidate.by_hour
        if len(set(counts)) == 1:
            lines.append(f"    warm_instances={counts[0]},")
        else:
            lines.append(f"    warm_profile={counts},")
    if candidate.warming == "ping":
        lines.append(f"    warming_hold_ms={candidate.hold_ms},")
    needed = peak_busy + (USER_RESERVE if candidate.warming == "ping" else 0)
    lines.append(f"    # reserved_concurrency: at least {needed}, if you set it")
    return "\n".join([*lines, ")"])


def _pixels(memory_mb: int) -> list[str]:
    most = (memory_mb - INSTANCE_MB) * 2**20 // DECODE_BYTES_PER_PIXEL
    if most >= DEFAULT_MAX_IMAGE_PIXELS:
        return []
    return [f"    max_image_pixels={most // 1_000_000 * 1_000_000 or most:_},"]
