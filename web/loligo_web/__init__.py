"""The web page of a bot. Built on `loligo.api` and nothing else of ours; loaded by the web interface tentacle."""
