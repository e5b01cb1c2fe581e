"""A program that runs one SimFaaS simulation and prints its figures as JSON."""

import json
import sys
import time

import numpy
from simfaas.ServerlessSimulator import ServerlessSimulator


def main() -> None:
    """Simulate the example in the first argument."""
    example = json.loads(sys.argv[1])
    numpy.random.seed(example["seed"])
    begun_s = time.perf_counter()
    simulator = ServerlessSimulator(
        arrival_rate=example["rate"],
        warm_service_rate=1 / example["warm_s"],
        cold_service_rate=1 / example["cold_s"],
        expiration_threshold=example["expiry_s"],
        max_time=example["horizon_s"],
    )
    simulator.generate_trace()
    wall_s = time.perf_counter() - begun_s
    sys.stdout.write(
        json.dumps(
            {
                "requests": simulator.total_req_count,
                "cold_share": simulator.get_cold_start_prob(),
                "mean_instances": float(simulator.get_average_server_count()),
                "mean_busy": float(simulator.get_average_server_running_count()),
                "wall_s": wall_s,
            }
        )
    )


main()
