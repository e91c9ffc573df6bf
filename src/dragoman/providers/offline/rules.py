"""What eliza listens for, and what she says to it. Knows no way of matching."""

from msgspec import Struct
from msgspec.structs import replace


class Pattern(Struct, frozen=True):
    """A kind of sentence, and the answers to it."""

    shape: str
    """The words of the sentence, with `*` for any words."""
    answers: tuple[str, ...]
    """These are given in turn. `{0}` is what the first `*` or choice held, with the speakers exchanged."""
    later: tuple[str, ...] = ()
    """Answers that are remembered, for a sentence in which no keyword is found."""


class Rule(Struct, frozen=True):
    """Words to listen for. Of several rules the one of the highest rank speaks."""

    rank: int
    keywords: tuple[str, ...]
    patterns: tuple[Pattern, ...]


def rule(rank: int, keywords: str, *patterns: Pattern) -> Rule:
    """A rule; `keywords` are parted by commas, and `@` in a shape is any of them."""
    words = tuple(keywords.split(", "))
    choice = f"({'|'.join(words)})"
    return Rule(rank, words, tuple(replace(pattern, shape=pattern.shape.replace("@", choice)) for pattern in patterns))


RULES: tuple[Rule, ...] = (
    rule(
        100,
        "suicide, suicidal, kill myself, end my life",
        Pattern(
            "*",
            (
                "That sounds very hard, and I am only a small program. Please tell someone you trust, or call the "
                "emergency number where you live. Is there anyone near you now?",
            ),
        ),
    ),
    rule(
        50,
        "computer, computers, machine, machines, program, programs, robot, robots, software, algorithm, chatbot, ai",
        Pattern(
            "*",
            (
                "Do machines trouble you?",
                "What do you think a machine could understand of this?",
                "Are you thinking of me when you speak of machines?",
                "What would be different if a person were listening instead?",
            ),
        ),
    ),
    rule(
        40,
        "dream, dreams, dreamed, dreamt",
        Pattern(
            "* i dreamed *",
            (
                "You dreamed {1}. What did it feel like?",
                "Have you ever wished for that while awake?",
                "Who else was in that dream?",
            ),
        ),
        Pattern("*", ("What does that dream say to you?", "Do you dream often?", "Who appears in your dreams?")),
    ),
    rule(
        38,
        "remember, recall",
        Pattern("* do you remember *", ("Did you think I would forget {1}?", "What about {1} should come back to me?")),
        Pattern(
            "* i remember *",
            (
                "Does {1} come to mind often?",
                "What else comes back to you with {1}?",
                "Why do you think of {1} just now?",
            ),
            ("A while ago you remembered {1}. What brought it back?",),
        ),
        Pattern("*", ("What else do you remember?", "Is that a good memory?")),
    ),
    rule(
        36,
        "if",
        Pattern(
            "* if *", ("How likely is it, to you, that {1}?", "Do you wish that {1}?", "What would follow if {1}?")
        ),
    ),
    rule(
        34,
        "mother, mom, mum, father, dad, parents, family, sister, brother, wife, husband, son, daughter, children, "
        "child, grandmother, grandfather, aunt, uncle",
        Pattern(
            "* my @ *",
            (
                "Tell me more about your {1}.",
                "How do you get on with your {1}?",
                "What comes to mind first when you think of your {1}?",
                "Your {1} {2}?",
            ),
            ("Earlier you spoke of your {1}. How does this bear on it?", "Let us go back to your {1}."),
        ),
        Pattern("*", ("Is family on your mind?", "And your own family, what is it like?")),
    ),
    rule(
        32,
        "friend, friends, boyfriend, girlfriend",
        Pattern(
            "*", ("What do you look for in a friend?", "Whom could you tell about this?", "How do your friends see it?")
        ),
    ),
    rule(
        31,
        "work, job, boss, office, colleague, colleagues, school, exam, exams",
        Pattern(
            "* my @ *",
            (
                "How do you feel when you think of your {1}?",
                "What would you change about your {1}?",
                "How long has your {1} been on your mind?",
            ),
            ("You mentioned your {1} before. Is that still with you?",),
        ),
        Pattern("*", ("How much of your day does that take?", "What would you rather be doing?")),
    ),
    rule(
        30,
        "love, hate, miss",
        Pattern(
            "* i @ *",
            (
                "What is it about {2} that you {1}?",
                "When did you first notice that you {1} {2}?",
                "Does anyone know that you {1} {2}?",
            ),
            ("You said that you {1} {2}. Is that the whole of it?",),
        ),
        Pattern("*", ("Those are strong words. What lies behind them?", "How does it feel to say that?")),
    ),
    rule(
        28,
        "always, never, everyone, everybody, nobody",
        Pattern(
            "*",
            (
                "Can you think of one time when it was otherwise?",
                "Really without exception?",
                "When did you first notice that?",
            ),
        ),
    ),
    rule(
        26,
        "sad, unhappy, depressed, lonely, alone, afraid, scared, anxious, worried, tired, angry, upset, ashamed, "
        "stressed, exhausted, bored",
        Pattern(
            "* i am * @ *",
            (
                "I am sorry to hear that you are {2}. What brought it on?",
                "How long have you been {2}?",
                "What helps, when you are {2}?",
                "When were you last not {2}?",
            ),
            ("You told me that you were {2}. How is it now?",),
        ),
        Pattern(
            "*",
            (
                "That sounds heavy. Would you tell me more?",
                "What do you think brought this on?",
                "Who knows that you feel so?",
            ),
        ),
    ),
    rule(
        25,
        "happy, glad, cheerful, proud, excited",
        Pattern(
            "*",
            (
                "I am glad. What brought that about?",
                "What makes it so just now?",
                "Who would you like to share that with?",
            ),
        ),
    ),
    rule(
        22,
        "feel, feeling, felt",
        Pattern(
            "* i feel *",
            ("What makes you feel {1}?", "Do you often feel {1}?", "If you did not feel {1}, what would you feel?"),
            ("Before, you felt {1}. Has that changed?",),
        ),
        Pattern("*", ("Tell me more about such feelings.", "Where in the day does that feeling come?")),
    ),
    rule(
        20,
        "need, want, wish",
        Pattern(
            "* i @ *",
            (
                "What would it mean to you to have {2}?",
                "Why do you {1} {2}?",
                "Suppose it came true tomorrow. What then?",
            ),
            ("You said that you {1} {2}. What stands in the way?",),
        ),
        Pattern("*", ("Whose wish is that, really?", "What is it that you want most?")),
    ),
    rule(
        18,
        "think, believe",
        Pattern(
            "* i @ *", ("How sure are you that {2}?", "What makes you {1} that {2}?", "And what if it were otherwise?")
        ),
        Pattern("*", ("What do you make of it yourself?",)),
    ),
    rule(
        17,
        "help, advice",
        Pattern(
            "*",
            (
                "What kind of help would you like best?",
                "What have you tried so far?",
                "If a friend asked you the same, what would you say?",
            ),
        ),
    ),
    rule(
        16,
        "name, eliza, who are you, what are you",
        Pattern(
            "* my name is *",
            ("Nice to meet you, {1}. What is on your mind?", "Names are only a beginning, {1}. Go on."),
        ),
        Pattern(
            "*",
            (
                "I am eliza, a small program that listens. I know little, and ask a lot. What brings you here?",
                "I am only eliza. Let us rather speak of you.",
            ),
        ),
    ),
    rule(
        15,
        "sorry, apologise, apologize",
        Pattern(
            "*",
            ("There is nothing to be sorry for.", "No need to apologise. Please go on.", "What makes you feel sorry?"),
        ),
    ),
    rule(
        14,
        "because",
        Pattern(
            "*",
            (
                "Is that the real reason?",
                "What other reasons might there be?",
                "Does that reason explain anything else?",
            ),
        ),
    ),
    rule(
        13,
        "i am, i was, i have been",
        Pattern(
            "* i am *",
            ("How long have you been {1}?", "What is it like to be {1}?", "Did you come to me because you are {1}?"),
            ("You told me that you are {1}. Tell me more about that.",),
        ),
        Pattern(
            "* i was *", ("What was that like?", "Were you really {1}?", "Why do you tell me now that you were {1}?")
        ),
        Pattern("*", ("How has that been for you?",)),
    ),
    rule(
        12,
        "can not, could not",
        Pattern(
            "* i @ *",
            ("How do you know that you {1} {2}?", "What would happen if you could {2}?", "What keeps you from it?"),
        ),
        Pattern("*", ("What keeps you from it?", "Is it that you cannot, or that you would rather not?")),
    ),
    rule(
        12,
        "how are you, how do you do",
        Pattern("*", ("I am well, thank you. And how are you?", "As ever. But tell me how you are.")),
    ),
    rule(
        11,
        "you are, are you",
        Pattern(
            "* are you *",
            ("Would it matter to you if I were {1}?", "What if I were {1}?", "Why do you ask whether I am {1}?"),
        ),
        Pattern(
            "* you are *",
            (
                "What makes you think that I am {1}?",
                "Does it please you to think that I am {1}?",
                "Are you perhaps {1} yourself?",
            ),
        ),
    ),
    rule(
        10,
        "can you, could you, will you, would you",
        Pattern(
            "* (can|could|will|would) you *",
            (
                "Would you like me to {2}?",
                "Perhaps you could {2} yourself. What would that take?",
                "Listening is what I do best.",
            ),
        ),
    ),
    rule(
        9,
        "can i, may i, should i, am i",
        Pattern("* am i *", ("Do you believe that you are {1}?", "Would you like to be {1}?")),
        Pattern("* (can|may|should) i *", ("What speaks for it?", "Do you want to {2}?", "What does your heart say?")),
    ),
    rule(
        8,
        "my",
        Pattern(
            "* my *",
            ("Your {1}?", "Tell me more about your {1}.", "Why is it that you mention your {1}?"),
            ("Earlier you said: your {1}. Tell me more about that.", "Does this have to do with your {1}?"),
        ),
    ),
    rule(
        7,
        "what, how, when, where, who, which, why",
        Pattern("* why do not you *", ("Should I {1}?", "Perhaps in time I will {1}. What would that change?")),
        Pattern("* why can not i *", ("What have you tried so far?", "Do you think you should be able to {1}?")),
        Pattern(
            "*",
            (
                "Why do you ask?",
                "What answer would please you most?",
                "What do you think yourself?",
                "Is that a question you carry around often?",
                "I am afraid I know little of facts. What does the question mean to you?",
            ),
        ),
    ),
    rule(
        6,
        "perhaps, maybe, possibly",
        Pattern("*", ("You do not sound quite certain.", "What would make you sure?")),
    ),
    rule(
        5,
        "thanks, thank you",
        Pattern("*", ("You are welcome. Is there more on your mind?", "Gladly. What else would you like to speak of?")),
    ),
    rule(
        5,
        "goodbye, bye, farewell, see you",
        Pattern("*", ("Goodbye. It was good to listen to you.", "Until next time. Take care of yourself.")),
    ),
    rule(
        4,
        "hello, hi, hey, good morning, good evening, good day, greetings",
        Pattern(
            "*",
            (
                "Hello. I am eliza. What is on your mind?",
                "Hello again. Where shall we go on?",
                "Good to hear from you. How are you today?",
            ),
        ),
    ),
    rule(
        3,
        "yes, yeah, yep, sure, certainly",
        Pattern("*", ("I see. Please go on.", "You seem quite sure.", "Tell me more.")),
    ),
    rule(
        3,
        "no, nope",
        Pattern("*", ("Why not?", "What makes you say no?", "And yet you mention it.", "I hear a no. Go on.")),
    ),
    rule(
        2,
        "you",
        Pattern("*", ("Let us rather speak of you.", "Why do you think of me here?", "And you, what about yourself?")),
    ),
)
"""Keywords and shapes hear no difference of case, and contractions spelt out."""
