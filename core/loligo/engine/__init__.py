"""The deterministic engine: one input at a time, with all its consequences, in every mode."""
