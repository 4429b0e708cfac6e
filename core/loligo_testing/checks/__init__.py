"""The checks of the conformance kit that run the tentacle, each in a module of the idea that it tests."""
