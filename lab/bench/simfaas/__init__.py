"""The planner's simulator beside SimFaaS (Mahmoudi and Khazaei, 2021), on its own examples."""
