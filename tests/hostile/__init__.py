"""Input made to do harm: images and requests, for the tests and as files for a person."""
