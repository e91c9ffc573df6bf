"""What eliza says when she heard no keyword."""

GO_ON = (
    "Please go on.",
    "Tell me more about that.",
    "What does that mean to you?",
    "I am not sure I follow. Could you say it another way?",
    "How do you feel about that?",
    "What comes to your mind next?",
)
"""If there was no keyword, and nothing is remembered."""

ASKED = (
    "I am afraid I know little of facts. What does the question mean to you?",
    "What do you think yourself?",
    "Why does that interest you?",
)
"""To a question without a keyword."""

NOTHING_SAID = (
    "I am listening. What is on your mind?",
    "You say nothing. That is all right; take your time.",
    "Sometimes it is hard to find words. Begin anywhere.",
)
"""To an empty message."""

NO_WORDS = (
    "I see no words in that. What would you like to say?",
    "Could you put that into words for me?",
)
"""To signs and numbers alone."""

FOREIGN = (
    "I am sorry, I understand only English. Would you tell me in English what is on your mind?",
    "That is a language I never learned, and I would like to follow you. Could you try it in English?",
)
"""To letters that are not Latin ones."""
