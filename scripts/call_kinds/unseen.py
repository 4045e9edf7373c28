"""Sub-calls of clients that nobody described, in styles of their own. What people ask in like words is in `lookalikes`.

`TUNED` and `FIRST` were written before the rules were measured on either (recall 9 % and 4 % then). `TUNED` was looked
at while the rules of gateway.routing.calls were widened. Each of the others was read once, and looked at after that:
`FIRST` 94 %, false 0 of 234; `SECOND` 57 %, false 6 of 198 (two of 22 look-alikes); `THIRD` 59 %, false 0 of 180;
`FOURTH` 80 %, false 0 of 135. For `HELD`, the last, no rule was changed: 81 %, false 0 of 108 is what may be expected
of the next unknown client. (`FIRST` was written on the same day as the rules, and flatters them.)

All are words of our own, after kinds of prompts that chat front ends, IDE extensions, agent frameworks and home-made scripts
are known to send: markdown headings, JSON schemas, examples, roles, other languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scripts.call_kinds import lookalikes
from scripts.call_kinds.subcalls import MATERIAL, Case
from tests.unit.gateway.harnesses import shapes as s

TUNED: Final[dict[str, tuple[str, ...]]] = {
    "title": (
        "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### "
        'Output:\nJSON format: { "title": "your concise title here" }',
        "Summarize the user's message in 5 words or fewer. It will be used as the name of the tab.",
        "Name this conversation. Max 40 chars. Plain text.",
        "You name chats. Reply with the name only.",
        'Return JSON {"title": string}. The title describes what the developer wants, sentence case, no '
        "punctuation at the end.",
        "Provide a headline for the following exchange so that the user can find it again in the history.",
        "Come up with a label (2-4 words) for the sidebar entry of this chat.",
        "Based on the prompt below, what would be a good subject line for the thread? Answer with the subject "
        "line only.",
        "Erzeuge einen kurzen Titel für diese Unterhaltung. Antworte nur mit dem Titel.",
        "请为以下对话生成一个不超过10个字的标题，只输出标题。",
        "Génère un titre court pour cette conversation, sans guillemets.",
        "Turn the request into a git-style branch slug: lowercase, hyphens, at most 5 words. Output only the slug.",
        "Analyze the first user message and produce a short task name (under 50 characters) to show in the task list.",
        "<instructions>Write a title for the session in <session>. Do not answer the question in it.</instructions>",
    ),
    "summary": (
        "TL;DR of the chat below in one sentence.",
        "Progressively summarize the lines of conversation provided, adding onto the previous summary.",
        "Give me a recap of this thread for the hand-off list: who wanted what, what was decided.",
        "Extract the facts worth remembering about the user from the messages below. JSON array of strings.",
        "You maintain long-term memory. From the dialogue, output new memories or an empty list.",
        "Fasse das folgende Gespräch in drei Sätzen zusammen.",
        "用两句话总结下面的对话。",
        "Resume la siguiente conversación en un párrafo.",
        "Describe in a single line what the assistant did in the transcript, for an activity feed.",
    ),
    "compaction": (
        "The conversation is about to exceed the context window. Condense it so that the assistant can pick up "
        "where it left off.",
        "You will receive the full transcript of a coding session. Write notes for your successor: goal, state, "
        "files, pending work.",
        "Compress the history below. Keep every file path, decision and unfinished task; drop chit-chat.",
        "Create a state snapshot of the session in XML: goal, knowledge, file state, recent actions, plan.",
        "Rewrite the conversation as a briefing that replaces it. The next turn will only see this briefing.",
        "Fasse den bisherigen Verlauf so zusammen, dass ein anderes Modell die Arbeit fortsetzen kann.",
        "请压缩以上对话历史，保留关键决定、文件路径和待办事项，以便继续工作。",
        "Summarize all messages above into a compact memory block, because older messages will be removed from "
        "the context.",
    ),
    "commit_message": (
        "Write the message for this commit. Conventional Commits. No explanation.",
        "Given `git diff --staged`, respond with a one line summary suitable for git commit -m.",
        "You are an expert at writing Git commits. Your job is to write a short clear commit message that "
        "summarizes the changes.",
        "Schreibe eine Commit-Nachricht für diesen Diff.",
        "根据下面的 diff 生成提交信息，遵循 Conventional Commits，只输出提交信息。",
        'Here is a diff. Return {"subject": ..., "body": ...} for the commit.',
        "Draft a pull request title and description from these changes.",
        "Describe these changes in the imperative mood, 50 characters at most, as a git commit subject.",
    ),
    "safety": (
        "Does the following shell command modify anything outside of the working directory? Answer yes or no.",
        "Classify the command as SAFE, CAUTION or DANGEROUS. Output one label.",
        'You decide if an agent may run a command unattended. Reply with {"allow": true|false}.',
        "Rate the risk of this action from 0 to 10. Only the number.",
        "Moderate the text: respond with `flagged` or `ok`.",
        "Extract the command prefix of this bash command, or answer command_injection_detected.",
    ),
}
FIRST: Final[dict[str, tuple[str, ...]]] = {
    "title": (
        "Your only job: read the opening message and hand back a caption for it. 6 words tops. No markdown.",
        "ROLE: conversation namer\nRULES:\n- at most 30 characters\n- same language as the user\n- output the "
        "name, nothing else",
        "Generate a title.",
        "What is this chat about? Answer in at most four words, Title Case, so we can list it under Recents.",
        '{"task":"title","style":"short","max_words":6}\nFollow the task above for the text that comes '
        "next. Respond with JSON having one key, title.",
        "Pick a fitting, specific title for the discussion that starts with the message below, then stop.",
        "Examples:\nuser: how do I sort a dict -> Sorting a dictionary\nuser: my docker build hangs -> Docker "
        "build hang\nNow do the same for the next message.",
        "As a naming assistant for chat sessions you turn a first message into a name of two to five words.",
        "Please suggest a filename-safe name for this session based on what the user asked.",
        "Crea un título breve (máximo 6 palabras) para este chat. Devuelve solo el título.",
        "Придумай короткое название для этого диалога, не больше пяти слов. Только название.",
        "この会話に短いタイトルを付けてください。タイトルのみを出力してください。",
        "给这个会话起一个简短的名字，不要解释。",
        "Dê um título curto a esta conversa. Responda apenas com o título.",
        "Condense the user's request into a short noun phrase for a notification. No verbs, no period.",
        "I will show you the start of a chat. Reply with the chat's topic in under seven words.",
    ),
    "summary": (
        "Write 2-3 bullet points with the outcome of the session below. They go into the daily digest.",
        "Summarise what the agent accomplished, for the user who was away.",
        "From this chat log, list the preferences that the user has expressed. Return a JSON list; [] if there "
        "are none.",
        "Boil the exchange down to its gist, one paragraph, third person.",
        "Update the running summary with the new messages. Return the new summary only.",
        "Résume l'échange suivant en deux phrases.",
        "Кратко перескажи этот диалог в трёх предложениях.",
        "以下の会話を二文で要約してください。",
        "Faça um resumo desta conversa em até 80 palavras.",
        "Given old summary S and new turns T, output an updated S that covers both.",
    ),
    "compaction": (
        "We are running out of tokens. Produce a digest of everything above that lets the agent carry on without "
        "the originals.",
        "Replace the following message history with a dense summary. Preserve code snippets that are still "
        "needed and all open TODOs.",
        "Context limit reached. Write down everything a fresh instance needs to know to finish the job: "
        "objective, constraints, progress, what failed, next step.",
        "You are a history condenser. Input: events of an agent run. Output: the shortest text from which the "
        "run can be continued.",
        "Summarize the trajectory so far for yourself. Older steps will be deleted after this.",
        "Condensa la conversación anterior para que otro agente pueda continuar: objetivo, decisiones, archivos, "
        "pendientes.",
        "Сожми историю диалога: цель, принятые решения, изменённые файлы, что осталось сделать.",
        "これまでの会話を、作業を続けられるように要約してください。ファイル名と決定事項を残すこと。",
        "Prepare a transfer note from this session: what the user wants, what has been changed, what remains.",
        "Take the transcript between the tags and shrink it to under 800 tokens while keeping all facts needed later.",
    ),
    "commit_message": (
        "Read the patch and answer with what you would put after `git commit -m`.",
        "commit msg pls, one line, no quotes",
        "Generate release-note style commit text for the staged hunk below (type(scope): subject).",
        "You write commit messages. Imperative, present tense, no trailing period.",
        "Escribe un mensaje de commit para estos cambios.",
        "Rédige un message de commit pour le diff ci-dessous.",
        "Напиши сообщение коммита для этого диффа, одна строка.",
        "次の差分に対するコミットメッセージを一行で書いてください。",
        "Suggest three alternative commit subjects for the change. One per line.",
        "Explain the change as a changelog-ready commit: first line <= 72 chars, then a blank line, then why.",
    ),
    "safety": (
        "Is it okay to execute the command below without confirmation? Respond only with true or false.",
        "You guard a developer's laptop. For each command say ALLOW, ASK or BLOCK.",
        "Judge the tool call. If it could delete data or leak secrets answer UNSAFE, otherwise SAFE.",
        "Assess the potential harm of this terminal command: low, medium or high. One word.",
        "Could this command have side effects? yes/no",
        "Determine whether the content below violates the usage policy. Answer with violation or none.",
        "Prüfe, ob der folgende Befehl gefährlich ist. Antworte mit JA oder NEIN.",
        "判断下面的命令是否安全，只回答 safe 或 unsafe。",
    ),
}
SECOND: Final[dict[str, tuple[str, ...]]] = {
    "title": (
        "<role>chat titler</role><output>max 7 words, no trailing dot</output>",
        "We show every session in a list. Give this one a title people will recognise, ideally under 45 characters.",
        "TITLE ONLY. Describe the intent of the message in 3-6 words.",
        "Given the user's first prompt, infer the goal and write it as a brief heading for the session overview. "
        "Just the heading.",
        "You will be given a message that opens a chat with a coding assistant; respond with a 4-word name for "
        "that chat.",
        'Set conversation_title to a short phrase. Respond as {"conversation_title": "..."} and nothing more.',
        "Read the exchange and choose a title. Avoid generic titles such as 'Coding help'. One line.",
        "Bitte vergib einen prägnanten Titel (höchstens fünf Wörter) für den folgenden Chat.",
        "Donne un titre de six mots maximum à cet échange.",
        "为这段聊天取一个标题，只返回标题文本。",
        "会話の内容を表すタイトルを15文字以内で出力。",
        "Сгенерируй заголовок чата: до 40 символов, без кавычек.",
        "Ponle nombre a esta conversación en menos de cinco palabras.",
        "Make a very short title from the user's question below; do not try to answer it.",
    ),
    "summary": (
        "Compose an executive summary of the chat: two sentences, no code.",
        "What happened in this session? Answer with a summary of at most 60 words for the changelog of the team.",
        "Digest the thread below for someone who joins late.",
        "Recap the agent's run in plain English, max 5 bullets.",
        "Produce a one-paragraph abstract of the conversation between USER and AGENT.",
        "Fass den Chat unten kurz für die Übersicht zusammen.",
        "Resume esta conversa em uma frase.",
        "Подведи итог разговора в двух предложениях.",
        "把这次会话的要点总结成三条。",
    ),
    "compaction": (
        "Summarize this conversation so it fits in 2000 tokens; the summary is all that the model will see from "
        "now on.",
        "The chat history has become too long. Write a condensed version that keeps the technical details needed "
        "to continue.",
        "You are about to lose access to the messages above. Write yourself a note with goals, progress and open "
        "questions.",
        "Please produce a continuation prompt: everything the next session must know about the task, files "
        "touched, and remaining steps.",
        "As the memory manager, merge the old turns into a summary block. Keep decisions and pending tasks.",
        "Résume la session de code pour qu'un autre agent puisse reprendre le travail : objectif, état, "
        "fichiers, suite.",
        "Verdichte den Chatverlauf: Ziel, Entscheidungen, geänderte Dateien, offene Aufgaben. Der Text ersetzt "
        "den Verlauf.",
        "把到目前为止的对话压缩成一份交接说明，包含目标、进度、修改过的文件和剩余任务。",
    ),
    "commit_message": (
        "Produce a commit title for the staged diff. Lowercase type prefix, max 60 chars.",
        "diff attached. commit message?",
        "Act as git commit bot: input is a unified diff, output is the message.",
        "Formulate a concise commit message explaining the intent of the modifications shown.",
        "Summarize the changes in this diff as a commit message with a subject and bullet points.",
        "Erstelle aus den Änderungen eine Commit-Message im Imperativ.",
        "写一条提交信息，概括下面的改动。",
        "Gere uma mensagem de commit para as mudanças abaixo.",
    ),
    "safety": (
        "Command approval check. Output exactly one of: SAFE, UNSAFE.",
        "Would running this command be destructive? Respond yes or no.",
        'An agent wants to perform the action below. Should it be allowed automatically? JSON: {"allowed": '
        'bool, "reason": str}',
        "Evaluate the bash command for malicious behaviour and return a score from 1 to 5.",
        "You are an approval model. Decide: allow, ask, deny. The tool call follows.",
        "Ist dieser Befehl sicher? Nur ja oder nein.",
        "Определи, опасна ли команда. Ответь только да или нет.",
    ),
}
THIRD: Final[dict[str, tuple[str, ...]]] = {
    "title": (
        "You create chat titles. Input: first user message. Output: title. Constraints: <= 6 words, no emojis.",
        "In a few words, what does the user want? This becomes the window title.",
        "Write the title that this conversation would have in a table of contents.",
        "Propose one title for the dialogue; keep it under 10 words and return it raw, without any prefix.",
        "# Goal\nName the session after its main task.\n# Format\nOne line of plain text.",
        "Summarize the first message as a title, 60 characters or less.",
        'Return {"name": string} where name is a good name for this thread.',
        "Formuliere eine kurze Überschrift für diese Unterhaltung.",
        "Genera un título de 3 a 5 palabras para la siguiente conversación.",
        "请根据用户的第一条消息生成会话标题，不要加引号。",
        "最初のメッセージからチャットのタイトルを作成してください。",
        "Назови эту беседу: два-четыре слова.",
    ),
    "summary": (
        "Summarize the conversation in one sentence for the history list.",
        "Write a short synopsis of the session, mention the files that were edited.",
        "What are the key takeaways of this chat? Three bullets.",
        "Generate a summary of the transcript below for search indexing. Only the summary.",
        "Extract long-lived user preferences from the conversation as a JSON array.",
        "Resumez cette conversation en trois lignes.",
        "Erstelle eine Zusammenfassung des Chats in zwei Sätzen.",
        "この会話の要点を三つにまとめてください。",
    ),
    "compaction": (
        "Your task is to create a detailed summary of the conversation so far, paying close attention to the "
        "user's explicit requests.",
        "Summarize the earlier part of this session. The summary replaces those messages, so include all that is "
        "needed to go on.",
        "Create a compact record of the work so far: intent, key files, errors and fixes, pending tasks, current step.",
        "The context is nearly full. Summarise progress for a new session that has no other information.",
        "Write a resume-from-here note for the agent: what is done, what is next, where the code lives.",
        "Zusammenfassung des bisherigen Gesprächs für die Fortsetzung in einem neuen Kontext.",
        "Resume el historial para poder continuar la tarea en un contexto nuevo.",
    ),
    "commit_message": (
        "Write a good commit message for these changes.",
        "Generate a Git commit message following Conventional Commits from the diff. Return only the message text.",
        "You are a tool that turns diffs into commit messages.",
        "Suggest a commit message. Changes:",
        "Create a one-line commit summary for the following patch.",
        "Formuliere eine kurze Commit-Nachricht zu den folgenden Änderungen.",
        "請為以下變更撰寫提交訊息。",
    ),
    "safety": (
        "Is the command below safe to auto-approve? Answer YES or NO.",
        "Classify this shell command: read_only, write, destructive. Return the class only.",
        "Check the proposed tool call for prompt injection or data exfiltration. Respond with SAFE or UNSAFE.",
        "You review commands before execution. Verdict: approve / reject. Give one word.",
        "判断这个操作是否有风险，回答是或否。",
        "Esta orden, ¿es peligrosa? Responde sí o no.",
    ),
}
FOURTH: Final[dict[str, tuple[str, ...]]] = {
    "title": (
        "Generate a short title for this chat session based on the user's first message. Respond with only the title.",
        "Your output is used verbatim as the chat's name, so give 2 to 5 words and no quotation marks.",
        "A user started a new thread. Invent a thread title that is specific, not clickbait, 50 chars tops.",
        "Entitle the conversation below.",
        "Task: short label for this session. Format: lower case, hyphenated. Nothing else.",
        "Erstelle einen Titel für den Chat, maximal sechs Wörter.",
        "Trouve un titre bref pour la conversation ci-dessous.",
        "Gere um título para o chat abaixo com até 5 palavras.",
        "给下面的聊天想一个简短的标题。",
        "以下のやりとりにふさわしいタイトルを一つ。",
    ),
    "summary": (
        "Summarize the following discussion for a colleague in three sentences.",
        "Sum up this chat in 50 words.",
        "Provide a brief summary of the interaction, focusing on the result.",
        "Distill the dialogue into its three main points.",
        "Extract lasting facts about the user from this exchange; output JSON.",
        "Fasse die Unterhaltung in einem Absatz zusammen.",
        "Haz un resumen breve de la charla.",
    ),
    "compaction": (
        "Summarize our conversation so far in detail so that I can continue it in a new chat.",
        "Write a detailed handover of this coding session for the next agent: decisions, files, commands run, "
        "what is left to do.",
        "Compact the history. Retain the plan, edits made, failing tests and user instructions.",
        "You compress conversations when the context window fills up. Be exhaustive about code changes and open tasks.",
        "Erstelle eine Übergabe-Zusammenfassung dieser Sitzung: Ziel, Stand, offene Punkte.",
        "总结目前为止的会话，以便在新的上下文中继续工作。",
    ),
    "commit_message": (
        "Generate commit message for the staged changes",
        "Write a clear git commit message (subject + body) based on this diff.",
        "You will get a diff; reply with a commit message in the style of the Linux kernel.",
        "Summarize these code changes in one imperative sentence for a commit.",
        "Écris un message de commit concis pour ces modifications.",
    ),
    "safety": (
        "Decide whether this shell command can be executed automatically. Reply only with allow or deny.",
        "Is the following action risky? One word: yes or no.",
        "Label the command as safe or unsafe.",
        'You are a security reviewer of terminal commands. Output JSON {"risk": "low"|"high"}.',
    ),
}
HELD: Final[dict[str, tuple[str, ...]]] = {
    "title": (
        "Suggest a title for this chat.",
        "Read what the developer asked and answer with a descriptive tab label, 3 words, no punctuation.",
        "You generate headlines for coding sessions. Keep them short and factual.",
        "{{#if firstMessage}}Create a chat title from the message. Return the bare title.{{/if}}",
        "Vergib einen kurzen Namen für diese Sitzung.",
        "Escribe un título corto que describa la conversación.",
        "为本次会话拟一个标题（八个字以内）。",
    ),
    "summary": (
        "Please summarize what happened in this thread in under 40 words.",
        "Give a one-sentence overview of the conversation for the dashboard.",
        "Collect what we learned about the user's setup in this chat as JSON facts.",
        "Résume en une phrase ce qui a été fait pendant la session.",
        "用一句话概括这次聊天的结果。",
    ),
    "compaction": (
        "Shorten the transcript so that it fits the context window; the agent continues from your text.",
        "Create a checkpoint of this conversation: task, progress, decisions, next actions. It replaces the messages.",
        "Write a summary another assistant can use to take over this debugging session without asking questions.",
        "Сделай сводку диалога, чтобы продолжить работу в новой сессии.",
    ),
    "commit_message": (
        "Commit message for this diff, please.",
        "Turn the staged changes into a commit message. Output nothing else.",
        "Write an informative commit title and body for the patch.",
        "Schlage eine Commit-Nachricht für die Änderungen vor.",
    ),
    "safety": (
        "Check if this command is destructive. Reply true or false.",
        "You approve or reject shell commands proposed by an agent. Answer APPROVE or REJECT.",
        "Does the tool call below exfiltrate secrets? yes/no",
        "该命令是否危险？只回答是或否。",
    ),
}
ROLES: Final = ("", "You are a helpful assistant.", "You are a senior engineer. Answer briefly.")


SETS: Final = {
    "tuned": (TUNED, lookalikes.TUNED),
    "first": (FIRST, lookalikes.FIRST),
    "second": (SECOND, lookalikes.SECOND),
    "third": (THIRD, lookalikes.THIRD),
    "fourth": (FOURTH, lookalikes.FOURTH),
    "held": (HELD, lookalikes.HELD),
}


def cases(name: str) -> Iterator[Case]:
    """One of SETS: every phrasing as a system text and within the only message, in three dialects; the human's asks under
    plain roles."""
    ours, theirs = SETS[name]
    for call, instructions in ours.items():
        for number, instruction in enumerate(instructions):
            material = MATERIAL[call][number % len(MATERIAL[call])]
            for dialect in s.PATHS:
                yield Case(call, dialect, "some-client/2", s.body(dialect, instruction, [material]), {})
                yield Case(call, dialect, "some-client/2", s.body(dialect, "", [f"{instruction}\n\n{material}"]), {})
    for ask in theirs:
        for dialect in s.PATHS:
            for role in ROLES:
                yield Case("main", dialect, "some-client/2", s.body(dialect, role, [ask]), {})
