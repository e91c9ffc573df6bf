"""A small Rogerian conversation: she listens for keywords, and turns what was said into a question.

After an idea of Joseph Weizenbaum's (1966): the keyword of the highest rank picks a rule, a shape takes the sentence
apart, an answer puts it together again with the speakers exchanged, and some of what was said is remembered for when
nothing else comes up. She keeps nothing: each request brings the conversation, and she goes through it again.
https://doi.org/10.1145/365153.365168
"""

import re
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from string import Formatter

from dragoman.providers.offline.directives import Directive, spoken
from dragoman.providers.offline.english import SPELT_OUT, TURNED
from dragoman.providers.offline.obedience import formed, tool_calls
from dragoman.providers.offline.phrases import ASKED, FOREIGN, GO_ON, NO_WORDS, NOTHING_SAID
from dragoman.providers.offline.rules import RULES, Pattern, Rule
from dragoman.providers.offline.turns import results, user_texts
from dragoman.types import ChatRequest

MAX_HEARD = 500
"""Characters of a message that are listened to: nobody says more in one breath, and matching stays cheap."""
MEMORY = 20
"""Messages that are gone through again: a conversation is longer than anyone expects its beginning to be remembered."""

_CLAUSE = re.compile(r"[.!?;:,\n…—]+|\bbut\b", re.IGNORECASE)
_WORD = re.compile(r"[\w'-]+")


def eliza(request: ChatRequest) -> list[Directive]:
    """Calls the tools that are wanted, or answers the last user message, having gone through those before it."""
    if calls := tool_calls(request):
        return calls
    conversation = ElizaConversation()
    answers = [conversation.hear(text) for text in user_texts(request)[-MEMORY:] or ("",)]
    return spoken(formed(request, results(request) or answers[-1]), request.max_output_tokens)


class ElizaConversation:
    """What was said so far: how often each answer was given, and what may be come back to."""

    def __init__(self) -> None:
        self._given: Counter[Sequence[str]] = Counter()
        self._memory: deque[str] = deque()

    def hear(self, text: str) -> str:
        """The answer to what the user says next."""
        text = text[:MAX_HEARD].replace("’", "'")
        if not text.strip():
            return self._next(NOTHING_SAID)
        letters = [letter for letter in text if letter.isalpha()]
        if not letters:
            return self._next(NO_WORDS)
        if 2 * sum(map(_is_latin, letters)) < len(letters):
            return self._next(FOREIGN)
        for rule, clause in _heard(text):
            for pattern in rule.patterns:
                answer = self._answer(pattern, clause)
                if answer is not None:
                    return answer
        if self._memory:
            return self._memory.popleft()
        return self._next(ASKED if text.rstrip().endswith("?") else GO_ON)

    def _answer(self, pattern: Pattern, clause: str) -> str | None:
        found = _SHAPES[pattern.shape].fullmatch(clause)
        if found is None:
            return None
        held = [turned(group) for group in found.groups()]
        answers = [answer for answer in pattern.answers if _filled(answer, held)]
        if not answers:
            return None
        later = [answer for answer in pattern.later if _filled(answer, held)]
        times = self._given[pattern.answers]
        self._given[pattern.answers] += 1
        if later:
            self._memory.append(later[times % len(later)].format(*held))
        return answers[times % len(answers)].format(*held)

    def _next(self, phrases: tuple[str, ...]) -> str:
        times = self._given[phrases]
        self._given[phrases] += 1
        return phrases[times % len(phrases)]


def turned(text: str) -> str:
    """`text` with the speakers exchanged: `my cat hates you` is `your cat hates me`."""
    words = text.split()
    out: list[str] = []
    i = 0
    while i < len(words):
        pair = TURNED.get(" ".join(words[i : i + 2]).lower()) if i + 1 < len(words) else None
        out.append(pair if pair is not None else TURNED.get(words[i].lower(), words[i]))
        i += 1 if pair is None else 2
    return " ".join(out)


def _heard(text: str) -> list[tuple[Rule, str]]:
    """The rules whose keywords were said, each with its clause: the highest rank first, then what was said first."""
    heard = [(rule, clause) for clause in _clauses(text) for rule in RULES if _KEYWORDS[rule.keywords].search(clause)]
    return sorted(heard, key=lambda pair: -pair[0].rank)


def _clauses(text: str) -> Iterator[str]:
    for clause in _CLAUSE.split(text):
        words = [SPELT_OUT.get(word.lower(), word) for word in _WORD.findall(clause)]
        if words:
            yield " ".join(words)


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ")


def _filled(answer: str, held: Sequence[str]) -> bool:
    """Whether the sentence held something for each place of the answer."""
    return all(held[int(place)] for _, place, _, _ in Formatter().parse(answer) if place is not None)


def _shape(shape: str) -> re.Pattern[str]:
    pieces = ["(.*?)" if word == "*" else rf"\b{word}\b" for word in shape.split(" ")]
    return re.compile(r"\s*".join(pieces), re.IGNORECASE)


_SHAPES = {pattern.shape: _shape(pattern.shape) for rule in RULES for pattern in rule.patterns}
_KEYWORDS = {
    rule.keywords: re.compile(rf"\b(?:{'|'.join(map(re.escape, rule.keywords))})\b", re.IGNORECASE) for rule in RULES
}
