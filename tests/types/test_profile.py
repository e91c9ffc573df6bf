"""Facts about families of models, one over another."""

from msgspec.structs import asdict

from dragoman.types import ModelProfile

ALL = ModelProfile(
    reasoning_returns=False,
    unsupported_fields=(),
    context=1,
    most_output=1,
    images=False,
    tools=False,
    prefill=False,
    thinking_levels=False,
    efforts=(),
    least_budget=1,
    most_budget=1,
    single_sampling=False,
    call_ids="plain",
    sampling_with_effort=False,
    effort_with_tools=False,
    breakpoints=False,
    signed_calls=False,
    mixed_tools=False,
    result_media=False,
    form_with_tools=False,
    user_after_results=False,
    system_anywhere=False,
    freeform_tools=False,
    schema_keywords=(),
    schema_formats=(),
    schema_limits=(),
    schema_depth=1,
    format_keywords=(),
    format_formats=(),
    format_limits=(),
)


def test_a_fact_that_is_known_holds_over_an_earlier_one_even_if_it_is_no_or_nothing() -> None:
    earlier = ModelProfile(
        reasoning_returns=True,
        unsupported_fields=("seed",),
        context=2,
        most_output=2,
        images=True,
        tools=True,
        prefill=True,
        thinking_levels=True,
        efforts=("low",),
        least_budget=2,
        most_budget=2,
        single_sampling=True,
        call_ids="nine",
        sampling_with_effort=True,
        effort_with_tools=True,
        breakpoints=True,
        signed_calls=True,
        mixed_tools=True,
        result_media=True,
        form_with_tools=True,
        user_after_results=True,
        system_anywhere=True,
        freeform_tools=True,
        schema_keywords=("type",),
        schema_formats=("date",),
        schema_limits=("plain-root",),
        schema_depth=2,
        format_keywords=("type",),
        format_formats=("date",),
        format_limits=("plain-root",),
    )
    assert None not in asdict(ALL).values()
    assert ALL.over(earlier) == ALL
    assert earlier.over(ALL) == earlier


def test_a_fact_that_is_not_known_leaves_the_earlier_one() -> None:
    assert ModelProfile().over(ALL) == ALL
    assert ModelProfile(images=True).over(ModelProfile(tools=False)) == ModelProfile(images=True, tools=False)
