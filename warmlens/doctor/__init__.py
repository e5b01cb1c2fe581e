"""`warmlens doctor`: what this machine and this account lack, and how to fix each."""
