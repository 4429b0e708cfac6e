"""Research: sweeps, walk-forward, experiment statistics and reports. Built on `loligo.api` and nothing else of ours."""
