"""The command `warmlens watch`: a picture of a running environment."""
