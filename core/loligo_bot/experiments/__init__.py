"""Experiments: desks as arms of an A/B test, judged by `loligo_lab.experiment` from what the journal holds."""
