"""Who may come in: people, their sessions, programs with tokens, and whether a request is meant by them."""
