"""What a message offers."""

from dragoman.providers.offline.forms import Hints


def test_quoted_texts_are_found_and_apostrophes_are_none() -> None:
    assert Hints("""It's "a b", 'c', `d`, “e”, ‘f’, «g» and don't, isn't.""").quoted == ("a b", "c", "d", "e", "f", "g")


def test_numbers_are_found_outside_of_quotes_and_words() -> None:
    hints = Hints("f(3), -4, 2.5, gpt4, 1.2.3, '7' and 10.")
    assert list(hints.numbers()) == [3, -4, 2.5, 10]


def test_what_is_taken_is_not_offered_again_and_what_is_rejected_is() -> None:
    hints = Hints("'a' 'b' 'c'")
    assert [next(hints.texts()), next(hints.texts())] == ["a", "b"]
    rejecting = iter(Hints("'a' 'b'").texts())
    assert [next(rejecting), next(rejecting)] == ["a", "b"]
    again = Hints("'a' 'b'")
    offered = again.texts()
    assert (next(offered), next(offered)) == ("a", "b")  # `a` is rejected, `b` is taken
    assert next(again.texts()) == "a"


def test_values_whose_words_stand_in_the_message_come_first() -> None:
    hints = Hints("In Dark Green, please")
    assert hints.named_first(["red", "green", "dark green", 1, None]) == ["green", "dark green", "red", 1, None]
