"""The planner's simulator compared with SimFaaS (Mahmoudi and Khazaei, 2021)."""
