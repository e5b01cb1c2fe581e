"""`warmlens doctor`: checks of this machine and of the AWS account."""
