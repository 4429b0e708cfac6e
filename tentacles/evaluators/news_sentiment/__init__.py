"""The news_sentiment evaluator: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import NewsSentiment, NewsSentimentSettings


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=NewsSentimentSettings, create=NewsSentiment)
