"""AWS prices for the dashboard's cost estimate.

US East (N. Virginia), first tier, without the free tier; aws.amazon.com/lambda/pricing and
aws.amazon.com/api-gateway/pricing, as of January 2025. Other regions and dates differ.
"""

LAMBDA_USD_PER_GB_S = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
LAMBDA_USD_PER_REQUEST = 0.20 / 1_000_000
API_USD_PER_REQUEST = {"rest": 3.50 / 1_000_000, "http": 1.00 / 1_000_000}
"""An HTTP API's price is for each 512 KB of a request that were begun."""
