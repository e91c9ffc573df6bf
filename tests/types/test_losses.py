"""The union of losses: closed, and with a row in both tables for each kind."""

from typing import Any, get_args

import pytest

from dragoman.types import BaseLoss, Changed, ChangedRole, Loss, Lost, LostExtra, LostField, Refused, Severity, names
from dragoman.types.losses import SEVERITIES, WORDS

KINDS: tuple[type[BaseLoss], ...] = get_args(Loss)


def loss_of(kind: Any) -> BaseLoss:
    loss: BaseLoss = kind("seed", *("gemini" for _ in kind.__struct_fields__[1:]))
    return loss


def test_each_kind_has_a_row_in_both_tables_and_no_row_is_of_another() -> None:
    assert set(KINDS) == set(SEVERITIES) == set(WORDS)
    assert set(KINDS) == set(get_args(Lost)) | set(get_args(Changed)) | set(get_args(Refused))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_says_its_name_in_a_sentence_of_its_own(kind: type[BaseLoss]) -> None:
    loss = loss_of(kind)
    assert str(loss) == loss.words
    assert loss.words.startswith("seed ")
    assert "{" not in loss.words
    assert loss.severity in Severity


def test_sentences_tell_the_kinds_apart_except_for_fields_of_others() -> None:
    assert len(set(WORDS.values())) == len(WORDS) - 1


def test_a_loss_without_a_row_cannot_be_made() -> None:
    class New(BaseLoss, frozen=True, tag="new"):
        pass

    with pytest.raises(KeyError):
        New("seed")


def test_what_is_refused_is_graver_than_what_is_lost() -> None:
    assert {SEVERITIES[kind] for kind in get_args(Refused)} == {Severity.ERROR}
    assert {SEVERITIES[kind] for kind in get_args(Lost)} == {Severity.LOSS}
    assert Severity.ERROR not in {SEVERITIES[kind] for kind in get_args(Changed)}


def test_a_list_of_names_leaves_notes_out() -> None:
    losses = (LostField("seed"), ChangedRole("messages[0].role"), LostExtra("store", "gemini"))
    assert names(losses) == ("seed", "store")
