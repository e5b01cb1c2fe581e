"""Your environments: what you deploy to AWS, one record each.

This file is yours: change values, add records, remove some. No release changes it, so a new one
merges without a conflict here. A setting that a record does not name has the default in
docs/settings.md.
"""

from stacks.settings import Settings

ENVIRONMENTS: tuple[Settings, ...] = (
    # Works in a new AWS account, costs cents while nobody uses it, keeps no data. No reserved
    # concurrency: a new account, whose limit is 10, allows none. The quota bounds the cost.
    Settings(
        env_name="dev",
        other_models=("*",),
        daily_quota=1_000,
        budget_usd=75,
        warming="off",
        deployment="all_at_once",
        waf=False,
        log_retention_days=7,
        image_expiry_days=7,
        retain_data=False,
        empty_buckets=True,
    ),
    Settings(
        env_name="staging",
        warm_instances=2,
        daily_quota=5_000,
        reserved_concurrency=10,
        image_expiry_days=7,
        budget_usd=500,
    ),
    Settings(
        env_name="prod",
        warm_instances=5,
        reserved_concurrency=100,
        budget_usd=30_000,
        throttle_rate_rps=100,
        throttle_burst=200,
        log_retention_days=90,
    ),
)
