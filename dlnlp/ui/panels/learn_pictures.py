"""The pictures of the Learn panels: data flowing through a model's modules, shapes, and source."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dlnlp.ui.kit.markup import caption, join, note, row, table, verbatim
from dlnlp.views import ModuleCall, Shape, TracedFunction, Walk

SHAPES = "shapes"  # the picture that lists all calls
WAITS = "This picture is drawn from your text as soon as the model has read it."
AROUND = 7  # lines of source shown before and after the marked one
SHOWN = 12  # tokens of the text
_REPEATED = re.compile(r"^(.*?)\.0\.(.+)$")  # "blocks.0.norm1"
_NAMED = re.compile(r"\b(?:in_features|out_features)=")
_MINOR = re.compile(
    r"(?:, |^)(?:eps|elementwise_affine|padding_idx|batch_first|bias|dropout)=[^,]+"
)


@dataclass(frozen=True)
class Box:
    """A box of the flow: a call of a module without submodules, or a variable of a function.

    ``kind`` is the class of the module; after ``word``, the function with the variable ("in"), or
    the class whose output it is ("of"). ``group`` is the list of modules that it belongs to, such
    as "blocks", and "" without one; ``repeats`` is the length of that list.
    """

    name: str
    group: str
    kind: str
    sizes: str
    shape: Shape
    here: bool
    repeats: int
    word: str = ""


def picture(walk: Walk | None, wanted: str) -> Markup:
    """The picture of a step.

    Args:
        walk: None while it is not known.
        wanted: "shapes", the name of a module, or "function: variable".
    """
    if walk is None:
        return note(WAITS)
    if wanted == SHAPES:
        return Markup("{}{}").format(trail(walk), shape_table(walk))
    flow = Markup('<div class="dl-flow">{}{}</div>').format(trail(walk), _boxes(walk, wanted))
    return Markup("{}{}").format(flow, source(walk, wanted))


def boxes(walk: Walk, wanted: str) -> list[Box]:
    """The boxes in the order of their calls; of repeated modules, only the first are drawn."""
    function, _, variable = wanted.partition(":")
    found: list[tuple[int, Box]] = []
    for place, call in enumerate(walk.calls):
        if not _is_drawn(walk, call):
            continue
        group, name = _grouped(call.name)
        here = call.name == wanted or call.name.startswith(f"{wanted}.")
        shape = call.outputs[0] if call.outputs else ()
        box = Box(name, group, call.kind, short(call.sizes), shape, here, call.repeats)
        found.append((place, box))
    for traced in walk.functions:
        for each in traced.assigned:
            if traced.name == function and each.variable == variable.strip():
                before = [box for place, box in found if place < each.calls]
                group, times = (before[-1].group, before[-1].repeats) if before else ("", 1)
                box = Box(each.variable, group, traced.name, "", each.shape, True, times, "in")
                found.append((each.calls - 1, box))
    drawn = [box for _, box in sorted(found, key=lambda each: each[0])]
    return drawn + _output(walk, drawn)


def _output(walk: Walk, drawn: Sequence[Box]) -> list[Box]:
    """A box for what the model returns, if no module has computed it, as with tied weights."""
    for call in walk.calls:
        if not call.name and call.outputs and drawn and call.outputs[0] != drawn[-1].shape:
            return [Box("output", "", call.kind, "", call.outputs[0], False, 1, "of")]
    return []


def _is_drawn(walk: Walk, call: ModuleCall) -> bool:
    """Only modules without submodules, and not dropout, which does nothing in a trained model."""
    if call.kind == "Dropout" or not call.name:
        return False
    return not any(each.name.startswith(f"{call.name}.") for each in walk.calls)


def _grouped(name: str) -> tuple[str, str]:
    match = _REPEATED.match(name)
    return (match[1], match[2]) if match else ("", name)


def short(sizes: str) -> str:
    """The sizes in what PyTorch prints of a module."""
    plain = _NAMED.sub("", _MINOR.sub("", sizes)).replace("=True", "").lstrip(", ")
    return re.sub(r"\((\d+),\)", r"\1", plain)


def shaped(shape: Shape) -> str:
    """The shape as PyTorch prints it."""
    return str(tuple(shape))


def trail(walk: Walk) -> Markup:
    """The text that was read, and the shapes that its numbers take on their way."""
    shapes = [shaped(walk.calls[0].inputs[0])] if walk.calls and walk.calls[0].inputs else []
    shapes += [shaped(box.shape) for box in boxes(walk, "")]
    parts = " → ".join(each for each, _ in itertools.groupby(shapes))  # those that change
    count = len(walk.read)
    names = [*walk.read[:SHOWN], *(["…"] if count > SHOWN else [])]
    pieces = join(Markup("<span>{}</span>").format(name.replace(" ", "·")) for name in names)
    unit = walk.unit.removesuffix("s") if count == 1 else walk.unit
    cut = f"Only {count} {unit} of this text are followed." if walk.truncated else ""
    counted = Markup('{} {} <span translate="no">→ {}.</span> {}').format(count, unit, parts, cut)
    return Markup('<p class="dl-pieces">{}</p>{}').format(pieces, caption(counted))


def _boxes(walk: Walk, wanted: str) -> Markup:
    """All boxes, with those of a list of modules in a frame."""
    parts = []
    for group, found in itertools.groupby(boxes(walk, wanted), key=lambda box: box.group):
        members = list(found)
        drawn = join(map(_box, members))
        if group:
            about = verbatim(f"{group} × {members[0].repeats}")
            drawn = Markup('<li class="dl-repeated"><span>{}</span><ol>{}</ol></li>').format(
                about, drawn
            )
        parts.append(drawn)
    return Markup('<ol class="dl-boxes">{}</ol>').format(join(parts))


def _box(box: Box) -> Markup:
    sizes = f"{box.kind}({box.sizes})" if box.sizes else box.kind
    here = Markup(' aria-current="true"') if box.here else ""
    name = box.name if box.word == "of" else verbatim(box.name)
    return Markup("<li{}><b>{}</b> <small>{} {}</small> <code>{}</code></li>").format(
        here, name, box.word, verbatim(sizes), shaped(box.shape)
    )


def marked_line(walk: Walk, wanted: str) -> tuple[TracedFunction, int] | None:
    """The function and the line that call the wanted module, or assign the wanted variable."""
    function, _, variable = wanted.partition(":")
    for traced in walk.functions:
        lines = [each.line for each in traced.assigned if each.variable == variable.strip()]
        if traced.name == function and lines:
            return traced, lines[0]
    for call in walk.calls:
        if call.name == wanted and call.function >= 0:
            return walk.functions[call.function], call.line
    return None


def source(walk: Walk, wanted: str) -> Markup:
    """The lines around the marked one, with the shapes of the tensors that they assigned."""
    found = marked_line(walk, wanted)
    if found is None:
        return Markup("")
    traced, marked = found
    shapes: dict[int, list[str]] = {}
    for each in traced.assigned:
        shapes.setdefault(each.line, []).append(f"{each.variable} {shaped(each.shape)}")
    first = max(traced.first, marked - AROUND)
    rows = [
        _line(number, line, ", ".join(shapes.get(number, [])), number == marked)
        for number, line in enumerate(traced.lines, traced.first)
        if first <= number <= marked + AROUND
    ]
    about = Markup(
        "<code>{}, {}</code> Line {} computes this. ↳ Tensors that the line above assigns."
    ).format(traced.file, traced.name, marked)
    return Markup('<figure class="dl-source">{}{}</figure>').format(
        Markup("<figcaption>{}</figcaption>").format(about),
        Markup('<pre tabindex="0">{}</pre>').format(join(rows)),
    )


def _line(number: int, code: str, shapes: str, marked: bool) -> Markup:
    tag = Markup("mark") if marked else Markup("span")
    indent = " " * (len(code) - len(code.lstrip()))
    below = Markup("\n     {}<i>↳ {}</i>").format(indent, shapes) if shapes else ""
    return Markup("<{0}><b>{1:>4}</b> {2}{3}\n</{0}>").format(tag, number, code, below)


def shape_table(walk: Walk) -> Markup:
    """A row for each call that the flow shows."""
    rows = []
    for call in walk.calls:
        if _is_drawn(walk, call):
            cells = (
                f"{call.kind}({short(call.sizes)})",
                " ".join(map(shaped, call.inputs)),
                " ".join(map(shaped, call.outputs)),
                f"{call.parameters:,}",
            )
            rows.append(
                row(
                    verbatim(_times(call)),
                    [Markup('<td translate="no">{}</td>').format(c) for c in cells],
                )
            )
    head = ["module", "class", "input", "output", "parameters"]
    return table(head, rows, numbers=False)


def _times(call: ModuleCall) -> str:
    group, name = _grouped(call.name)
    return f"{group}.0.{name} (× {call.repeats})" if group else name
