"""The tab of chapter 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from dlnlp import plots
from dlnlp.registry import Registry
from dlnlp.results import Translation, word_attention
from dlnlp.text.words import clean
from dlnlp.ui import parts, theme, views

STEM = "char_seq2seq"
BLANK = "Type a sentence or a few in English, and the model writes them in French."
CANDIDATES = 5
NONE_YET = views.caption("The best translations that the beam ends with, once there are some.")
CHOOSE = """
element.addEventListener("click", (event) => {
  const candidate = event.target.closest(".dl-candidate");
  if (candidate) trigger("click", {index: Number(candidate.dataset.index)});
});
"""
# A French word carries where it looked, so that marking the English letters needs no server.
MARK = """
const mark = (word) => {
  const letters = element.querySelectorAll('[lang="en"] span');
  const shares = word ? word.dataset.shares.split(",") : [];
  const first = word ? Number(word.dataset.first) : 0;
  letters.forEach((letter, i) => {
    const share = shares[i - first];
    letter.style.background = share
      ? `color-mix(in srgb, var(--dl-positive) ${0.7 * share}%, transparent)` : "";
  });
};
element.addEventListener("click", (event) => {
  const word = event.target.closest(".dl-word");
  if (!word) return;
  const on = word.getAttribute("aria-pressed") !== "true";
  for (const each of element.querySelectorAll(".dl-word")) each.setAttribute("aria-pressed", false);
  word.setAttribute("aria-pressed", on);
  mark(on ? word : null);
});
"""
EXAMPLES = (
    "hello",
    "thanks",
    "I love you.",
    "Where are you?",
    "She reads a book.",
    "I don't know what to say.",
    "It is very cold today.",
)


def build_tab(registry: Registry) -> None:
    """English to French, and what the decoder looked at."""
    parts.intro(
        "Chapter 2 · Sequence to sequence with attention",
        "One network reads English letter by letter, another writes French letter by letter. "
        "The picture shows where the writer looked for each letter it wrote.",
    )
    box, button, samples = parts.question(
        STEM, "English", "A sentence, or a few", "Translate", EXAMPLES
    )
    with gr.Accordion("Settings", open=False):
        beam = gr.Slider(
            1,
            10,
            5,
            step=1,
            label="Beam size",
            info="How many unfinished translations are followed at once; 1 takes the best "
            "letter each time.",
            elem_id=f"{STEM}_beam",
        )
    french = gr.Textbox(
        label="French",
        interactive=False,
        buttons=["copy"],
        elem_id=f"{STEM}_result",
        elem_classes="dl-result",
    )
    with gr.Accordion("Candidates", open=False, elem_id=f"{STEM}_candidates"):
        others = gr.HTML(
            NONE_YET,
            elem_classes="dl-result",
            js_on_load=CHOOSE,
        )
    remarks = gr.HTML(elem_id=f"{STEM}_remarks", elem_classes="dl-result")
    reading = gr.HTML(elem_id=f"{STEM}_reading", elem_classes="dl-result", js_on_load=MARK)
    unit = gr.Radio(
        ["characters", "words"],
        value="characters",
        label="Attention by",
        visible=False,
        elem_id=f"{STEM}_unit",
    )
    figure = gr.Plot(
        label="Attention", show_label=False, visible=False, elem_id=f"{STEM}_attention"
    )
    found, chosen = gr.State([]), gr.State(0)
    with gr.Accordion("Your own French", open=False, elem_id=f"{STEM}_own"):
        own = gr.Textbox(
            label="A translation of your own",
            placeholder="How would you say it?",
            max_lines=6,
            elem_id=f"{STEM}_own_text",
        )
        judge = gr.Button("How likely is it?", elem_id=f"{STEM}_own_run")
        judged = gr.HTML(elem_id=f"{STEM}_own_result", elem_classes=["dl-result", "dl-lasting"])
    parts.about(registry, STEM)
    gr.on(
        [judge.click, own.submit],
        _judging(registry),
        [box, own, beam],
        judged,
        show_progress="minimal",
        **parts.PRIVATE,
        **parts.alone(STEM),
    )

    def run(text: str, beam_size: float, unit: str) -> Iterator[list[Any]]:
        text, cut = parts.readable(text)
        for shown, translations in parts.answers(
            registry, STEM, text, BLANK, lambda model: model.candidates(text, int(beam_size))
        ):
            if translations is None:
                yield [
                    "",
                    cut + shown,
                    "",
                    gr.Plot(None, visible=False),
                    gr.Radio(visible=False),
                    NONE_YET,
                    [],
                    0,
                ]
            else:
                best = _shown(translations[:CANDIDATES], 0, unit)
                best[1] = cut + best[1]
                yield best

    shown: list[Any] = [french, remarks, reading, figure, unit, others, found, chosen]
    asked = parts.listen(
        run,
        box=box,
        button=button,
        samples=samples,
        inputs=[box, beam, unit],
        outputs=shown,
        stem=STEM,
    )
    parts.mark_changes(box, asked)
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", **parts.PRIVATE}
    unit.change(_picture, [found, chosen, unit], figure, **quiet)
    others.click(_choose, [found, unit], shown, trigger_mode="multiple", **quiet)


def _shown(found: list[Translation], chosen: int, unit: str) -> list[Any]:
    """All that the page shows of one of several candidates."""
    result = found[chosen]
    return [
        result.text,
        views.translation(result, plots.PICTURED),
        views.reading(result.source, word_attention(result)),
        _picture(found, chosen, unit),
        gr.Radio(visible=bool(result.target)),
        views.candidates(found, chosen),
        found,
        chosen,
    ]


def _choose(found: list[Translation], unit: str, event: gr.EventData) -> list[Any]:
    index = getattr(event, "index", None)
    if not isinstance(index, int) or index not in range(len(found)):
        return [gr.skip()] * 8
    return _shown(found, index, unit)


def _picture(found: list[Translation], chosen: int, unit: str) -> gr.Plot:
    if not found or not found[chosen].target:
        return gr.Plot(None, visible=False)
    result = found[chosen]
    if unit == "words":
        by_words = word_attention(result)
        width = plots.WORD_CELL * len(by_words.source) + 100
        return gr.Plot(
            plots.attention_by_words(by_words), visible=True, elem_classes=theme.wide(width)
        )
    return gr.Plot(
        plots.attention(result), visible=True, elem_classes=theme.wide(plots.width(result))
    )


def _judging(registry: Registry) -> Callable[[str, str, float], Iterator[str]]:
    """The handler that sets a user's French beside the model's."""

    def judge(text: str, target: str, beam_size: float) -> Iterator[str]:
        text, _ = parts.readable(text)
        target, cut = parts.readable(target)
        if not clean(target) or not clean(text):
            yield views.note("Type English above and its French here, and the model judges it.")
            return

        def ask(model: Any) -> tuple[Translation, Translation]:
            return model.force(text, target), model.translate([text], int(beam_size))[0]

        for shown, found in parts.answers(registry, STEM, text, BLANK, ask):
            yield cut + (shown if found is None else views.rivals(*found))

    return judge
