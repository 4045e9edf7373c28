"""What a human says that is no ask of its own: consent, a repeated complaint, a harness's words in the human's name. Pure.

Consent is told by its words alone: a text of which every word is one of consent or filler, and at least one of consent. So
"yes, do it" is consent and "yes, but with Postgres" is not. Languages: English, German, French, Spanish, Portuguese,
Italian, Dutch, Polish, Turkish, Russian, Ukrainian, Chinese, Japanese, Korean, Hindi and Arabic.
"""

from __future__ import annotations

import re
from typing import Final

CONSENT_CHARS: Final = 80
"""A longer text says something of its own."""
CORRECTION_CHARS: Final = 240
"""A complaint longer than this carries an ask."""

_CONSENTS: Final = {
    "en": "yes yep yeah yup ya sure ok okay okey k kk y fine approve approved confirmed confirm agreed agree accept "
    "accepted lgtm proceed continue go resume next retry again correct right perfect great good nice excellent awesome cool "
    "absolutely definitely exactly please thanks thx ty ship merge start begin",
    "de": "ja jo jawohl klar weiter weitermachen fortfahren mach mache los gerne passt genau einverstanden richtig super "
    "bitte danke sicher",
    "fr": "oui ouais continue continuer continuez vas-y allez allez-y vas parfait d'accord dac ok poursuis poursuivez merci",
    "es": "sí si claro dale vale sigue siga continúa continua continúe adelante hazlo procede perfecto correcto gracias",
    "pt": "sim claro pode prossiga prossegue continue continuar perfeito isso manda obrigado obrigada beleza certo",
    "it": "sì certo va bene procedi continua vai avanti perfetto esatto grazie fallo",
    "nl": "ja graag ga doe maar verder doorgaan akkoord prima goed bedankt",
    "pl": "tak dalej kontynuuj jasne zrób dobrze dziękuję dawaj",
    "tr": "evet tamam devam olur tabii lütfen et yap",
    "ru": "да ага давай давайте продолжай продолжайте дальше ок окей хорошо верно согласен согласна сделай поехали конечно "
    "спасибо",
    "uk": "так гаразд продовжуй добре дякую",
    "ko": "네 예 응 그래 좋아 좋아요 계속 계속해 계속해줘 계속하세요 진행 진행해 진행해줘 해줘",
    "hi": "haan theek hai जी हाँ हां ठीक है जारी रखो",
    "ar": "نعم أجل حسنا حسناً استمر تابع أكمل موافق تفضل",
}
_FILLERS: Final = {
    "en": "do it that this so the a on ahead with and now then to plan your all of them both just please looks sounds good "
    "for me is i i'm fine that's it's let's lets keep going carry away step steps one first option as you suggested "
    "proposed suggest said described alright",
    "de": "es das so mal einfach dann und den plan bitte jetzt damit",
    "fr": "le la plan fais ça ca comme fait s'il te plaît vous plait",
    "es": "lo el con así asi eso por favor",
    "pt": "o a com isso assim em frente por",
    "it": "così il piano pure",
    "nl": "het plan zo",
    "pl": "to plan proszę z tym",
    "ru": "это так план пожалуйста с этим",
}
_CONSENT: Final = frozenset(word for said in _CONSENTS.values() for word in said.split())
_FILLER: Final = frozenset(word for said in _FILLERS.values() for word in said.split())
_PUSH: Final = _CONSENT | {"do", "keep"}
_PICKS: Final = re.compile(
    r"(?:option|choice|variant|number|nr|#|variante|opción|opção|вариант)?\s*\(?[1-9a-d]\)?[.)]?"
)
_DENSE_CONSENT: Final = re.compile(
    r"(?:好的?|好吧|是的?|对的?|嗯+|行|可以|没问题|同意|继续|接着|请|吧|做吧|开始|执行|就这样|干吧|了|"
    r"はい|うん|ええ|お願いします|お願い|続けて|続行|ください|して|進めて|どうぞ|了解|いいです|いいよ|いいね|それで|ok)+"
)
_WORD: Final = re.compile(r"[^\s,.!;:…،؛。，！、？?\"“”()]+")
_DENSE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SPACES: Final = re.compile(r"[\s,.!;:…。，！、~]+")


def consents(said: str) -> bool:
    """The whole text is consent to, or a push for, something said before; or picks one of the options offered."""
    if len(said) > CONSENT_CHARS or "?" in said or "？" in said:
        return False
    low = said.lower().strip()
    if _DENSE.search(low) is not None:
        return _DENSE_CONSENT.fullmatch(_SPACES.sub("", low)) is not None
    words = _WORD.findall(low.replace("’", "'"))
    if not words:
        return bool(low) and low[0] in "👍✅"
    if _PICKS.fullmatch(low) is not None:
        return True
    said_all = all(w in _CONSENT or w in _FILLER or w[0] in "👍✅" for w in words)
    return said_all and any(w in _PUSH or w[0] in "👍✅" for w in words)


_CORRECTION: Final = re.compile(
    # English
    r"\b(?:still|yet again|again)\b.{0,40}\b(?:broken|fail\w*|crash\w*|wrong|error\w*|not work\w*|doesn'?t|does not|isn'?t"
    r"|the same|there|red|happen\w*)"
    r"|\b(?:that|this|it)(?:'s| is| was|) (?:still )?(?:wrong|not (?:right|correct|working|fixed|what i)|incorrect|broken)"
    r"|\b(?:didn'?t|did not|doesn'?t|does not|don'?t|do not|won'?t|isn'?t|not) (?:work|help|fix|solve|compile|pass|run)\w*\b"
    r"|\b(?:same|another|new) (?:error|issue|problem|failure|result|exception)\b"
    r"|\b(?:you|that|this|it) (?:broke|forgot|missed|misunderstood|ignored)\b|\bnot what i (?:asked|wanted|meant)"
    r"|\b(?:revert|undo) (?:that|this|it|your|the (?:last )?change)|\bno,? that"
    # German, Dutch
    r"|\b(?:immer noch|weiterhin|nach wie vor|wieder)\b.{0,40}\b(?:nicht|kaputt|falsch|fehler|rot)"
    r"|\b(?:geht|funktioniert|klappt|läuft|stimmt) (?:(?:so|das|aber|immer|noch|leider|auch) ){0,3}nicht\b"
    r"|\bgleicher? fehler|\bder(?:selbe|gleiche) fehler|\bdas ist falsch|\bwerkt (?:nog steeds )?niet\b|\bnog steeds\b"
    # French, Spanish, Portuguese, Italian
    r"|\b(?:toujours|encore)\b.{0,30}\b(?:pas|erreur|cassé|échoue|faux)|\bne (?:marche|fonctionne) (?:toujours )?pas\b"
    r"|\bc'est (?:faux|pas bon)|\b(?:sigue|todavía|aún)\b.{0,30}\b(?:fall|no func|error|mal|rot)|\bno funciona\b"
    r"|\b(?:el )?mismo error|\bestá mal\b|\b(?:ainda|continua)\b.{0,30}\b(?:não|falh|erro|quebr)|\bnão funciona\b"
    r"|\bmesmo erro|\bestá errado|\b(?:ancora|sempre)\b.{0,30}\b(?:non|error|rott|sbagliat)|\bnon funziona\b|\bstesso errore"
    # Polish, Turkish, Russian, Ukrainian
    r"|\bnadal nie\b|\bwciąż nie\b|\bnie działa\b|\bhâlâ\b|\bhala (?:çalışm|hata)|\bçalışmıyor\b"
    r"|(?:вс[её] (?:ещ[её]|равно)|опять|по-прежнему|снова).{0,30}(?:не |ошибк|пада|слома)|не работает"
    r"|та же ошибка|неправильно|не працює|досі не"
    # Chinese, Japanese, Korean
    r"|(?:还是|仍然|依然|依旧|又).{0,12}(?:不行|不对|报错|错|失败|没|有问题|崩)|没用|不起作用|没有修复|不是我要|同样的错误"
    r"|(?:まだ|やはり|また|相変わらず).{0,16}(?:動かな|動きませ|エラー|失敗|直って|直りま|ダメ|だめ|できま)|同じエラー|違います"
    r"|(?:여전히|아직도?|또).{0,16}(?:안|오류|에러|실패|않)|작동하지 않|같은 오류"
)
_ANCHOR_WORDS: Final = (
    "still|again|wrong|not |n't|dont|didnt|doesnt|wont|isnt|same |another |new err|new iss|new pro|new fai|"
    "new res|new exc| broke|forgot|missed|misunderst|ignored|incorrect|revert|undo|no that|no, that|"
    "immer noch|weiterhin|nach wie vor|wieder|nicht|fehler|ist falsch|niet|nog steeds|toujours|encore|"
    "ne marche|ne fonctionne|c'est faux|pas bon|sigue|todavía|aún|no funciona|mismo error|está mal|ainda|"
    "continua|não funciona|mesmo erro|está errado|ancora|sempre|non funziona|stesso errore|nadal|wciąż|"
    "nie działa|hâlâ|hala |çalışm|все |всё |опять|прежнему|снова|не работает|та же|неправильно|не працює|"
    "досі|还是|仍然|依然|依旧|又|没用|不起作用|没有修复|不是我要|同样的错误|まだ|やはり|また|相変わらず|同じエラー|違います|여전히|아직|또|작동하지|같은"
)
_ANCHORS: Final = tuple(_ANCHOR_WORDS.split("|"))
"""Each match of the pattern holds one of these: looked for first, because a search by so many patterns takes 0.5 ms."""


def corrects(said: str) -> bool:
    """The text says that what the agent did is (still) not right. Meaningless for the first ask of a session."""
    low = said[:CORRECTION_CHARS].lower().replace("’", "'")
    return any(anchor in low for anchor in _ANCHORS) and _CORRECTION.search(low) is not None


RESUMED: Final = re.compile(
    r"Continue if you have next steps, or stop and ask|What did we do so far\?"
    r"|Please continue the conversation from where|This session is being continued from a previous conversation"
    r"|\[Request interrupted by user|\[TASK RESUMPTION\]|Your task was interrupted|The conversation so far was compacted"
    r"|Another language model started to solve this problem|You did not use a tool in your previous response"
    r"|\[ERROR\] You did not use a tool",
    re.IGNORECASE,
)
"""How texts begin that a harness writes in the human's name when a session goes on after a cut or a compaction."""
