"""The instances of the container-image function: processes under the Lambda Runtime API."""
