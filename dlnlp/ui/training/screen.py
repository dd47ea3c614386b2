"""The components of the tab “Train it yourself” and their handlers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from dlnlp import catalog
from dlnlp.service import Service
from dlnlp.service.errors import sentence as said
from dlnlp.service.training import MOST_RUNNING, MOST_WAITING
from dlnlp.service.training_run import ENDED, PAUSED, RUNNING, Training
from dlnlp.training.exercises import Exercise, uploaded
from dlnlp.training.progress import MOST_ROWS, Settings
from dlnlp.ui.kit import layout, markup
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.model import visitor, visitor_left
from dlnlp.ui.kit.panels import AT_ONCE, QUIET, Values
from dlnlp.ui.panels.trained import TITLE, USE
from dlnlp.ui.training.report import NONE, report, status
from dlnlp.ui.training.settings import STEM, numbers, settings_of, shown
from dlnlp.ui.training.table import filled, table_of, widths

INTRO = (
    "Train a model of any chapter on a few rows, and watch it learn: its loss, and its answer to "
    "your own sentence, updated every second. It runs on this server, in a process of its own."
)
UPLOAD = (".csv", ".tsv", ".jsonl", ".parquet", ".txt")
REJECTED = "“{}” was not loaded, and the rows on the page are unchanged."
EVERY = 0.5  # seconds between updates of the page


class TrainingScreen:
    """One visitor's screen; what they train is at their desk (``Trainings.desk``)."""

    def __init__(self, service: Service, exercises: Sequence[Exercise]) -> None:
        self.trainings = service.trainings
        self.exercises = {each.stem: each for each in exercises}
        first = exercises[0]
        titles = [(catalog.record(stem).title, stem) for stem in self.exercises]
        with layout.columns():
            with layout.question_column("All chapters", INTRO):
                self.chapter = gr.Radio(
                    titles,
                    value=first.stem,
                    label="Model",
                    interactive=True,
                    elem_id=f"{STEM}_chapter",
                )
                self._build_data(first)
                self._build_settings(first)
            with layout.answer_column(STEM):
                self._build_buttons()
                self._build_answer()
        self._connect()

    def _build_data(self, first: Exercise) -> None:
        self.table = gr.Dataframe(
            [list(row) for row in first.examples],
            headers=list(first.columns),
            type="array",
            interactive=True,
            wrap=True,
            max_height=280,
            label=f"Rows (at most {MOST_ROWS:,}; blank ones are left out)",
            column_widths=widths(first),
            elem_id=f"{STEM}_rows",
        )
        self.about = gr.HTML(markup.caption(first.about), elem_id=f"{STEM}_about")
        with gr.Row(elem_classes="dl-buttons", equal_height=True):
            small: dict[str, Any] = {"size": "sm", "min_width": 90}
            self.examples = gr.Button(
                "The tutorial’s examples", elem_id=f"{STEM}_examples_button", **small
            )
            self.small = gr.Button(first.set_name, elem_id=f"{STEM}_small", **small)
            self.more = gr.Button("Add a row", elem_id=f"{STEM}_more", **small)
            self.upload = gr.UploadButton(
                "Upload…", file_types=list(UPLOAD), elem_id=f"{STEM}_upload", **small
            )

    def _build_settings(self, first: Exercise) -> None:
        self.sentence = gr.Textbox(
            first.sentence,
            label="Your sentence",
            info="The model answers it while it learns.",
            lines=1,
            max_lines=3,
            interactive=True,
            elem_id=f"{STEM}_text",
        )
        with gr.Accordion("Settings", open=False, elem_id=f"{STEM}_settings"):
            self.settings = settings_of(first)
            with gr.Row():
                for name in ("learning_rate", "epochs"):
                    self.settings[name].render()
            with gr.Row():
                for name in ("width", "seed"):
                    self.settings[name].render()
            self.settings["patience"].render()
            self.settings["pretrained"].render()

    def _build_buttons(self) -> None:
        with gr.Row(elem_classes="dl-buttons"):
            options: dict[str, Any] = {"min_width": 60, "interactive": False}
            self.train = gr.Button(
                "Train", variant="primary", min_width=80, elem_id=f"{STEM}_train"
            )
            self.pause = gr.Button("Pause", elem_id=f"{STEM}_pause", **options)
            self.step = gr.Button("Step", elem_id=f"{STEM}_step", **options)
            self.stop = gr.Button("Stop", variant="stop", elem_id=f"{STEM}_stop", **options)
        with gr.Row(elem_classes="dl-buttons"):
            self.slow = gr.Checkbox(
                False, label="Slow motion", interactive=True, elem_id=f"{STEM}_slow"
            )
            self.histogram = gr.Checkbox(
                False, label="Histograms of weights", interactive=True, elem_id=f"{STEM}_histogram"
            )

    def _build_answer(self) -> None:
        with gr.Column(elem_classes="dl-panel", elem_id=f"{STEM}_panel"):
            self.status = gr.HTML(
                markup.note(NONE), elem_id=f"{STEM}_status", elem_classes="dl-result"
            )
            self.shown = gr.HTML(elem_id=f"{STEM}_shown", elem_classes="dl-result")
            with gr.Row(elem_classes="dl-buttons"):
                self.use = gr.Button(USE, visible=False, elem_id=f"{STEM}_use", size="sm")
                self.download = gr.DownloadButton(
                    "Download the checkpoint", visible=False, elem_id=f"{STEM}_download", size="sm"
                )

    def _connect(self) -> None:
        rows, chapter = [self.table, self.status], self.chapter
        settings = list(self.settings.values())
        chosen: list[Component] = [*rows, self.about, self.small, self.sentence, *settings]
        chapter.change(self.choose, chapter, chosen, **AT_ONCE)
        for button, is_small in ((self.examples, False), (self.small, True)):
            button.click(
                lambda stem, small=is_small: self.fill(stem, small),
                chapter,
                [*rows, *settings],
                **AT_ONCE,
            )
        self.more.click(self.lengthen, self.table, rows, **AT_ONCE)
        self.upload.upload(self.read, [chapter, self.upload], rows, **AT_ONCE)
        inputs = [chapter, self.table, self.sentence, self.slow, self.histogram, *settings]
        self.train.click(
            self.run,
            inputs,
            [self.status, self.shown, *self.controls],
            concurrency_id=STEM,
            concurrency_limit=MOST_RUNNING + MOST_WAITING + 1,  # one to be told that all are taken
            **{**QUIET, "show_progress": "hidden"},
        )
        self.pause.click(self.toggle, None, None, **AT_ONCE)
        self.step.click(lambda: self.tell("step"), None, None, **AT_ONCE)
        self.stop.click(lambda: self.tell("stop"), None, None, **AT_ONCE)
        self.slow.change(lambda on: self.tell("slow", bool(on)), self.slow, None, **AT_ONCE)
        self.histogram.change(
            lambda on: self.tell("histogram", bool(on)), self.histogram, None, **AT_ONCE
        )
        gr.on([self.sentence.submit, self.sentence.blur], self.ask, self.sentence, None, **AT_ONCE)
        self.use.click(self.adopt, None, self.status, **AT_ONCE)

    @property
    def controls(self) -> list[Component]:
        """The components that depend on whether something runs."""
        return [
            *(self.train, self.pause, self.step, self.stop),
            *(self.chapter, self.use, self.download),
        ]

    # What the visitor chooses

    def choose(self, stem: object) -> Values:
        """Another chapter: the tutorial's examples, its sentence and defaults."""
        found = self.exercise(stem)
        return {
            self.about: markup.caption(found.about),
            self.small: gr.Button(found.set_name),
            self.sentence: found.sentence,
            **self.fill(found.stem, False),
        }

    def fill(self, stem: object, small: bool) -> Values:
        """Rows of a chapter, with the settings that suit them."""
        found = self.exercise(stem)
        rows = found.small() if small else found.examples
        given = found.small_settings if small else found.settings
        settings = {
            component: gr.update(value=getattr(given, name), **shown(found, name))
            for name, component in self.settings.items()
        }
        return {self.table: filled(found, rows), self.status: "", **settings}

    def read(self, stem: object, path: object) -> Values:
        """The rows of an uploaded file."""
        found, file = self.exercise(stem), Path(str(path))
        try:
            rows = found.checked(uploaded(found, file)).rows
        except Exception as error:
            return {self.status: markup.fault(f"{REJECTED.format(file.name)} {said(error)}")}
        note = markup.note(f"{len(rows):,} rows.")
        return {self.table: filled(found, rows), self.status: note}

    def lengthen(self, table: object) -> Values:
        """One more row; blank ones are not used."""
        try:
            rows = table_of(table)
        except ValueError as error:
            return {self.status: markup.fault(said(error))}
        if len(rows) >= MOST_ROWS:
            return {self.status: markup.fault(f"The table has the maximum of {MOST_ROWS:,} rows.")}
        blank = [""] * len(rows[0]) if rows else [""]
        return {self.table: gr.Dataframe([*map(list, rows), blank])}

    def exercise(self, stem: object) -> Exercise:
        """The exercise of a chapter; the first one for anything else."""
        return self.exercises.get(str(stem)) or next(iter(self.exercises.values()))

    # The run

    def run(
        self,
        stem: object,
        table: object,
        text: object,
        slow: object,
        histogram: object,
        *values: Any,
    ) -> Iterator[Values]:
        """Train until the end, or until the visitor leaves."""
        try:
            found, named = self.exercise(stem), dict(zip(self.settings, values, strict=True))
            rows = found.checked(table_of(table))
            training = self.trainings.begin(
                visitor(), found.stem, rows, Settings(**numbers(named)), readable(text)[0],
                slow=bool(slow),
            )  # fmt: skip
        except Exception as error:
            yield {self.status: markup.fault(said(error)), **self.idle()}
            return
        if histogram:
            training.command("histogram", True)
        desk = self.trainings.desk(visitor())
        try:
            yield from self._watch(training, desk.previous)
        finally:
            self.trainings.leave(training)

    def _watch(self, training: Training, previous: Training | None) -> Iterator[Values]:
        state, line = "", markup.Markup("")
        for _ in training.changes(EVERY):
            if visitor_left():
                return
            values: Values = {self.shown: report(training, previous)}
            now = status(self.trainings, training)
            if now != line:
                line, values[self.status] = now, now
            if training.state != state:
                state = training.state
                values |= self.idle(training) if training.is_over else self.busy(training)
            yield values

    def busy(self, training: Training) -> Values:
        """The buttons during a run."""
        acting = training.state in (RUNNING, PAUSED)
        return {
            self.train: gr.Button(interactive=False),
            self.pause: gr.Button(
                "Resume" if training.state == PAUSED else "Pause", interactive=acting
            ),
            self.step: gr.Button(interactive=acting),
            self.stop: gr.Button(interactive=True),
            self.chapter: gr.Radio(interactive=False),
            self.use: gr.Button(visible=False),
            self.download: gr.DownloadButton(visible=False),
        }

    def idle(self, training: Training | None = None) -> Values:
        """The buttons while nothing runs, after a run or before the first one."""
        values: Values = {
            self.train: gr.Button(interactive=True),
            self.pause: gr.Button("Pause", interactive=False),
            self.step: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=False),
            self.chapter: gr.Radio(interactive=True),
        }
        if training and training.state == ENDED:
            archive = str(self.trainings.archive(training.key))
            values[self.use] = gr.Button(visible=True)
            values[self.download] = gr.DownloadButton(value=archive, visible=True)
        return values

    def tell(self, command: str, value: object = None) -> None:
        """Pass a command on to the visitor's run, if there is one."""
        current = self.trainings.desk(visitor()).current
        if not current:
            return
        if command == "stop" and self.trainings.place(current):
            self.trainings.leave(current)
        else:
            current.command(command, value)

    def toggle(self) -> None:
        """Pause or resume."""
        current = self.trainings.desk(visitor()).current
        self.tell("resume" if current and current.state == PAUSED else "pause")

    def ask(self, text: object) -> None:
        """The visitor has changed their sentence."""
        current, typed = self.trainings.desk(visitor()).current, readable(text)[0]
        if current and not current.is_over:
            current.ask(typed)

    def adopt(self) -> Values:
        """Use the finished run in its chapter's tab, which the page then opens."""
        desk = self.trainings.desk(visitor())
        try:
            if desk.current is None:
                raise ValueError("Train a model first.")
            key = self.trainings.finished(desk.current.key).key
        except ValueError as error:
            return {self.status: markup.fault(said(error))}
        desk.used[desk.current.stem] = key
        return {self.status: opening(desk.current.stem)}


def opening(stem: str) -> markup.Markup:
    """A remark, which makes the page open the chapter's tab (see ``page.js``)."""
    return markup.Markup('<p class="dl-note" role="status" data-use="{}">{}</p>').format(
        stem, f"Your model is in the panel “{TITLE}” of its tab."
    )
