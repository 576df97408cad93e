"""Load of usage events over the API, and every number checked against a tally of its own."""
