"""The function without a model, wrapped by lambda-warmer-py as its README says.

Two decorators, each with its own flag, so that both delays run on the same instances.
"""

import answering
import lambdawarmer

handler = lambdawarmer.warmer(
    lambdawarmer.warmer(answering.handler, flag="patient_warmer", delay=400)
)
