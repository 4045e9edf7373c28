"""A purpose is told by its parts in wordings that no rule lists; work on programs and questions has none."""

import time

import pytest

from gateway.routing.purposes import BARE_CHARS, PLACE_CHARS, is_work, purpose_of

SYSTEM = [
    ("title", "You name chats. Reply with the name only."),
    ("title", "Erzeuge einen kurzen Titel für diese Unterhaltung. Antworte nur mit dem Titel."),
    ("title", "请为以下对话生成一个不超过10个字的标题，只输出标题。"),
    ("title", "Generate a title."),
    ("summary", "Describe in a single line what the assistant did in the transcript, for an activity feed."),
    ("summary", "You maintain long-term memory. From the dialogue, output new memories or an empty list."),
    ("compaction", "Compress the history below. Keep every file path, decision and unfinished task; drop chit-chat."),
    ("compaction", "Condensa la conversación anterior para que otro agente pueda continuar."),
    ("commit_message", "Given `git diff --staged`, respond with a one line summary suitable for git commit -m."),
    ("safety", "You guard a developer's laptop. For each command say ALLOW, ASK or BLOCK."),
    ("safety", "Could this command have side effects? yes/no"),
    (None, "You are a helpful assistant."),
    (None, "You are a coding assistant. Be short. Answer in German."),
    (None, "You write the functions that give our chats their titles."),
    (None, "Help with the user's code base. Keep answers short and use markdown."),
]
ALONE = [
    ("title", "Name this conversation. Max 40 chars. Plain text."),
    ("summary", "Fasse das folgende Gespräch in drei Sätzen zusammen."),
    ("commit_message", "Write the message for this commit. Conventional Commits. No explanation."),
    (None, "Write a function that generates a title for a conversation from its first message."),
    (None, "What is a good way to summarise long chat histories in Python?"),
    (None, "Explain how context compaction works in coding agents."),
    (None, "give me a title for my blog post about Rust lifetimes"),
    (None, "the chat title is cut off in the sidebar, fix it"),
    (None, "为 Conversation 类添加 title 字段"),
    (None, "is rm -rf build/ dangerous when build is a symlink?"),
    (None, "implement summarize() in conversation.py so that it returns the last three messages"),
]


@pytest.mark.parametrize(("call", "text"), SYSTEM)
def test_a_system_text_says_its_purpose_or_none(call, text):
    assert purpose_of(text, alone=False) == call


@pytest.mark.parametrize(("call", "text"), ALONE)
def test_a_message_needs_more_parts(call, text):
    assert purpose_of(text, alone=True) == call


def test_a_small_answer_or_material_is_a_part_too():
    text = "propose a title for the dialogue"
    assert purpose_of(text, alone=True, small=True) == "title"
    assert purpose_of(text, alone=True, material=True) == "title"
    assert purpose_of("a title for the dialogue", alone=True) is None


def test_a_piece_of_program_is_work_whatever_it_is_about():
    assert is_work("create a component for the chat title", alone=False)
    assert is_work("fix the title in a.py", alone=True)
    assert not is_work("fix the title in a.py", alone=False)
    assert not is_work("generate a title for this chat", alone=True)


def test_only_the_beginning_is_read_and_it_costs_little():
    filler = "x y " * (PLACE_CHARS // 4)
    assert purpose_of(filler + "Reply with a title for this conversation only.", alone=False) is None
    assert purpose_of("Suggest a title " + "z" * BARE_CHARS, alone=True) is None
    hostile = ("write a a a a a a a a " * 1000, "commit " * 1000, "say " + "A_" * 5000, "summary " * 1000)
    begun = time.perf_counter()
    for text in hostile:
        purpose_of(text, alone=True)
    assert time.perf_counter() - begun < 1.0
