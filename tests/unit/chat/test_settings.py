"""Settings of a chat: what people write, and that no secret shows."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from loligo.api import ConfigError, Message, Role
from loligo_chat import ChatRoute, ChatSettings, Place, Secret, secret_from


class WithToken(ChatSettings):
    token: Secret | None = None


def test_ids_may_be_written_as_numbers() -> None:
    given = ChatSettings.model_validate(
        {"allowed": {4711: "admin", "-100": "view"}, "chats": [{"chat": 5, "topic": 7}]}
    )
    assert given.roles == {"4711": Role.ADMIN, "-100": Role.VIEW}
    assert given.chats[0].place == Place(chat="5", topic="7")


def test_a_secret_is_written_as_a_fingerprint_so_that_another_one_is_another_setting() -> None:
    one, other = (WithToken.model_validate({"token": text}) for text in ("4711:abc", "4711:abd"))
    assert "abc" not in repr(one) and "abc" not in one.model_dump_json()
    assert one.model_dump(mode="json") != other.model_dump(mode="json")
    assert one.model_dump(mode="json") == WithToken.model_validate({"token": "4711:abc"}).model_dump(mode="json")
    assert WithToken().model_dump(mode="json")["token"] is None


def test_a_secret_comes_from_the_settings_else_from_the_environment() -> None:
    environment = {"NAME": " outside \n", "EMPTY": ""}
    assert secret_from(SecretStr("inside"), "NAME", environment, "token") == "inside"
    assert secret_from(None, "NAME", environment, "token") == "outside"
    with pytest.raises(
        ConfigError, match="no token; give it as the setting `token` or in the environment variable EMPTY"
    ):
        secret_from(None, "EMPTY", environment, "token")
    with pytest.raises(ConfigError, match=r"as the setting `token`$"):
        secret_from(None, "", environment, "token")


@pytest.mark.parametrize(
    ("level", "desk", "is_wanted"),
    [
        ("info", "btc", False),
        ("warning", "btc", True),
        ("problem", "btc", True),
        ("never heard of", "btc", True),
        ("problem", "eth", False),
        ("problem", "", True),
    ],
)
def test_a_chat_is_told_what_is_important_enough_and_of_its_desks(level: str, desk: str, is_wanted: bool) -> None:
    route = ChatRoute(chat="1", level="warning", desks=("btc",))
    assert route.wants(Message(level=level, text="x", desk=desk)) == is_wanted


def test_a_chat_or_topic_that_is_listed_twice_is_refused_with_both_places() -> None:
    topics = [{"chat": 5}, {"chat": 5, "topic": 7}, {"chat": 6, "topic": 7}]
    assert len(ChatSettings.model_validate({"chats": topics}).chats) == 3
    with pytest.raises(ValidationError, match=r"chats\.1 and chats\.3 are the chat 5 with the topic 7: expected each"):
        ChatSettings.model_validate({"chats": [*topics, {"chat": "5", "topic": "7", "level": "problem"}]})
    with pytest.raises(ValidationError, match=r"chats\.0 and chats\.1 are the chat 5: expected each once; put"):
        ChatSettings.model_validate({"chats": [{"chat": 5}, {"chat": 5, "level": "problem"}]})
