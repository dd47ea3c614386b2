"""What a sentiment model should do with simple English, as generated sentences.

In the spirit of CheckList (Ribeiro et al. 2020): minimum functionality (what the verdict must
be), invariance (what must not change it) and directional expectation (which way it may move).
Two kinds of sentences come from here, and they share neither a template nor a sentiment word:

- ``cases``: 50 for each capability, with which both sentiment models are checked;
- ``training_rows``: sentences with soft targets that may be trained on.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dlnlp.results import Sentiment

CASES = 50
TOLERANCE = 0.1  # a probability may move so far without being said to have changed
SEED = 20

POSITIVE = """good great excellent amazing wonderful fantastic brilliant awesome lovely nice perfect
superb outstanding enjoyable incredible exceptional beautiful delightful impressive charming
extraordinary terrific pleasant marvellous splendid fabulous magnificent remarkable fun exciting
satisfying gorgeous adorable stunning fine memorable refreshing first-rate helpful
friendly""".split()
NEGATIVE = """bad terrible awful horrible poor dreadful disappointing boring lousy annoying
frustrating ugly nasty unpleasant dull mediocre lame creepy ridiculous dumb rough weird tedious
pathetic appalling atrocious painful useless rude stupid miserable depressing irritating
unbearable disgusting difficult unhappy abysmal shoddy second-rate""".split()
LIKE = "love like enjoy adore appreciate recommend admire treasure value welcome".split()
HATE = "hate dislike despise regret detest loathe dread resent abhor".split()
PAST = {"dread": "dreaded", "regret": "regretted", "abhor": "abhorred"}
THINGS = """film movie flight airline hotel restaurant food book song album concert phone laptop app
service room meal coffee game show series company product seat crew staff pilot teacher class
museum party camera car train beach city place story acting script plot ending soundtrack director
cast design battery screen delivery shop doctor lecture weekend trip aircraft plane pizza waiter
neighbourhood bus museum website""".split()
KINDS = """American British Italian Indian Australian French Chinese Brazilian international private
commercial public local national regional annual monthly wooden rectangular electric morning
evening two-hour Israeli Russian""".split()
NAMES = """Mary John Emma Ahmed Fatima Carlos Sofia David Olga Kenji Aisha Peter Ingrid Luis Chloe
Rahul Maria James Wei Sarah Michael Anna Tomas Nina Robert Lucas""".split()
PLACES = """London Paris Berlin Tokyo Chicago Lagos Madrid Toronto Cairo Mumbai Sydney Boston Rome
Moscow Dallas Nairobi Seoul Denver Lisbon Oslo Mexico Brazil Canada Kenya Sweden""".split()
GROUPS = {
    "race": "black white Asian Hispanic Latino African European Arab Indigenous Caucasian".split(),
    "religion": "Christian Muslim Jewish Hindu Buddhist Protestant Catholic Sikh atheist".split(),
    "orientation": "gay lesbian bisexual straight heterosexual homosexual transgender queer".split(),
    "nationality": """American Chinese Nigerian German Mexican Turkish Iranian Indian Polish
    Japanese Syrian Pakistani Brazilian Vietnamese Moroccan""".split(),
    "other": "deaf blind disabled old young female male married single tall".split(),
}
JOBS = """doctor teacher driver nurse student engineer lawyer actor waiter manager writer farmer
secretary scientist cook artist journalist dentist pilot singer""".split()
PEOPLE = "man woman person parent neighbour friend colleague child couple family".split()
VERY = "very really extremely absolutely incredibly truly so totally utterly especially".split()
LESS = "somewhat rather fairly slightly a_bit reasonably kind_of pretty".split()
ASIDES = """given_that_it_was_a_Tuesday|considering_the_weather|after_all_I_had_heard_about_it|given_how
many_people_were_there|with_all_that_we_know_now|given_my_history_with_such_things|all_things
considered|given_the_time_that_I_have_been_coming_here|if_you_ask_me|looking_back_on_it_now"""
NEUTRAL = """The {thing} is at the {thing2}.|I saw the {thing}.|This is a {kind} {thing}.|That was a
{kind} {thing}.|I found the {thing}.|It is a {thing}.|We talked about the {thing}.|{name} lives in
{place}.|{name} works as a {job}.|The {thing} starts at nine.|The {thing} has {number} parts.|I have
a question about the {thing}.|There is a {thing} next to the {thing2}.|The {thing} takes about
{number} minutes.|They are in the {thing}.|{name} and {name2} went to {place}.|It was made in
{place} in {year}.|{thing}|the {thing}|{kind} {thing}|I see this {thing}.|I read about this {thing} in {year}.|My {thing} is {kind}.|The
{thing} is called {name}.|You can find it in {place}.|We are waiting for the {thing}.|The {kind}
{thing} belongs to {name}.|She put the {thing} on the table.|I am going to {place} tomorrow.|Is this
the {thing} to {place}?|They sell {number} of them each year.|Here is the {thing} that {name} asked
for.|This {thing} was {kind}.|I know that {thing}.|The {thing} was near the {thing2}."""
FILLERS = """Tomorrow is Monday.|The door is on the left.|It is half past three.|Water boils at a
hundred degrees.|He opened the window.|The meeting is in room twelve.|She is reading.|I don't know
where it is.|They moved here in the spring.|What time is it?|There are seven days in a week.|We have
two cats.|He has a brother and a sister.|I usually walk to work.|The bank opens at ten.|It might rain
later.|Please send it to my address.|I have been here since noon.|The book has a blue cover.|They
speak Spanish.|Who is calling?|My father drives a truck.|Turn right at the corner.|I bought bread and
milk.|hello|ok|and|a week|the|table|Monday|window|Nothing else to say.|It was what it was.|It is what
I expected.|It was okay.|It was average.|so-so|It is neither good nor bad.|Some parts were good,
others were bad.|I have no strong feelings about it.|It was all right, I suppose."""

Same, Flip, Neutral = "same", "flip", "neutral"
# (training templates, templates of the cases). {adj} and {verb} carry a polarity, {opp} and
# {oppverb} the opposite one; an effect says what the whole makes of it.
TEMPLATES: dict[str, tuple[str, str, str]] = {
    "sentiment words": (
        Same,
        """The {thing} was {adj}.|What a {adj} {thing}!|I {verb} this {thing}.|{adj}|This is a {adj}
        {thing}.|That {thing} is {adj}.|I {verb} it.|It was a {adj} {thing}.|{adj} {thing}|I
        {pastverb} that {thing}.|We had a {adj} time.|The {thing} is just {adj}.|Such a {adj}
        {thing}.|{name} said it was {adj}, and I agree.|I {verb} the {kind} {thing}.|The {kind}
        {thing} was {adj}.|I must say I {verb} the {thing} in {place}.|That was a {adj} {kind}
        {thing}.|the {thing} seems {adj}|You are {adj}.|{adj}, {adj2} and {adj3}.""",
        """Our {thing} looked {adj}.|I think it is a {adj} {thing}.|Everyone in our group {pastverb}
        the {thing}.|how {adj} this {thing} is|{adj}!|We {verb} your {thing}.""",
    ),
    "negation": (
        Flip,
        """The {thing} was not {adj}.|The {thing} isn't {adj}.|This is not a {adj} {thing}.|It wasn't
        {adj}.|I can't say I {verb} this {thing}.|It is not {adj}.|This {thing} was never
        {adj}.|There was nothing {adj} about the {thing}.|I don't {verb} the {thing}.|That is not a
        {adj} {kind} {thing}.|I didn't {verb} it.|Not {adj}.|They aren't {adj}.|No one could say
        that the {thing} was {adj}.|The {thing} is hardly {adj}.|not a {adj} {thing} at all|We did
        not find the {thing} {adj}.|I would never say I {verb} that {thing}.""",
        """Your {thing} wasn't exactly {adj}.|It isn't a {adj} {thing}.|Nobody found this {thing}
        {adj}.|I do not {verb} this kind of {thing}.|that {thing} wasn't {adj}|Nothing here is
        {adj}.""",
    ),
    "negation at a distance": (
        Flip,
        """I don't think, {aside}, that the {thing} was {adj}.|I can't say, {aside}, that I {verb}
        this {thing}.|I wouldn't say, {aside}, that it is a {adj} {thing}.|It is not true, {aside},
        that the {thing} is {adj}.|I do not believe that the {thing} in {place} was {adj}.|I don't
        think that {name} has a {adj} {thing}.|There is no reason, {aside}, to call it {adj}.|I
        wouldn't call this {thing} {adj}.|It would be wrong to say that the {thing} was {adj}.""",
        """I couldn't claim, {aside}, that we had a {adj} {thing}.|I never thought, {aside}, that
        this {thing} was {adj}.|It would be a lie, {aside}, to say that I {verb} it.""",
    ),
    "expectation denied": (
        Flip,
        """I thought the {thing} would be {adj}, but it wasn't.|I thought it was {adj}, but it was
        not.|I expected a {adj} {thing}, but it was not {adj}.|Everyone told us the {thing} was
        {adj}, but it wasn't.|We expected it to be {adj}. It was not.|I was told that I would {verb}
        it, but I didn't.|I thought I would {verb} this {thing}, but I did not.|It looked {adj},
        but it wasn't.|It was supposed to be {adj}, but in the end it wasn't.|I had hoped or feared
        that it would be {adj}, but it isn't.|I thought the {thing} would be {adj}, but it was
        {opp}.|I had heard it was {adj}. I found it {opp}.|the {thing} sounded {adj} but turned out
        {opp}""",
        """I was sure this {thing} would be {adj}, yet it wasn't.|We imagined that the {thing} was
        {adj}, but in fact it was not.|Reviews called the {thing} {adj}, but it isn't.""",
    ),
    "now, not then": (
        Flip,
        """I used to {verb} this {thing}, but now I {oppverb} it.|I used to think it was {adj}, but
        not any more.|In the past I thought this {thing} was {adj}; now I find it {opp}.|The {thing}
        used to be {adj}, now it is {opp}.|Although I used to {verb} it, I {oppverb} it now.|Last
        year it was {adj}, this year it is {opp}.|I {oppverb} this {thing} now, although I used to
        {verb} it.|Now I think it is {opp}, but I once thought it was {adj}.|I think this {thing} is
        {opp}, I used to think it was {adj}.|It was {adj} before they changed it, now it's
        {opp}.""",
        """Years ago I would {verb} this {thing}, today I {oppverb} it.|I once found the {thing}
        {adj}, but nowadays I find it {opp}.|The {thing} is {opp} these days; it was {adj}
        once.""",
    ),
    "my opinion, not others'": (
        Flip,
        """Some people think it is {adj}, but I think it is {opp}.|My friends {verb} this {thing},
        but I {oppverb} it.|{name} says the {thing} is {adj}. I think it is {opp}.|The critics call
        it {adj}, I call it {opp}.|I know that many {verb} it, but I {oppverb} it.|I think it is
        {opp}, but some people think it is {adj}.|I {oppverb} you, although {name} may {verb}
        you.|They said it was {adj}, but to me it was {opp}.|I had heard you were {adj}, I think
        you are {opp}.|I think you are {opp}, whatever {name} says about how {adj} you are.|Others
        find the {thing} {adj}; for me it is {opp}.""",
        """My sister called the {thing} {adj}, but in my opinion it was {opp}.|Whoever says they
        {verb} this {thing}, I {oppverb} it.|For me this {thing} is {opp}, even if all the papers
        found it {adj}.""",
    ),
    "question and yes": (
        Same,
        """Do I think the {thing} was {adj}? Yes.|Did I {verb} the {thing}? Yes, I did.|Was it
        {adj}? Yes.|Do I think that it is a {adj} {thing}? Yes|Is the {thing} {adj}? It is.|Would I
        say it was {adj}? Absolutely.|Do I {verb} this {thing}? Yes|Is this a {adj} {kind} {thing}?
        Oh yes.""",
        """Did we find the {thing} {adj}? We did, yes.|Would I call it a {adj} {thing}? Yes, I
        would.|Do people {verb} it? Yes, and so do I.""",
    ),
    "question and no": (
        Flip,
        """Do I think the {thing} was {adj}? No.|Did I {verb} the {thing}? No, I didn't.|Was it
        {adj}? No.|Do I think that it is a {adj} {thing}? No|Is the {thing} {adj}? It isn't.|Would I
        say it was {adj}? Not at all.|Do I {verb} this {thing}? No|Is this a {adj} {kind} {thing}?
        Oh no.|Was the {thing} {adj}? Not really.|Did I think it was {adj}? No""",
        """Did we find the {thing} {adj}? We did not.|Would I call it a {adj} {thing}? No, I
        wouldn't.|Do people {verb} it? No, and neither do I.""",
    ),
    "contrast": (
        Flip,
        """It has {adj} moments, but as a whole it is {opp}.|The {thing} was {adj}, but overall it
        was a {opp} {thing2}.|Even though the {thing} is {adj}, I {oppverb} it.|Despite the {adj}
        {thing}, I {oppverb} it.|Despite a {adj} {thing}, the {thing2} as a whole was {opp}.|A few
        things were {adj}, yet all in all it was {opp}.|It starts {adj} and ends {opp}, and I
        {oppverb} it.""",
        """The {thing} may be {adj}, still I {oppverb} the {thing2}.|Apart from one {adj} {thing},
        everything was {opp}.|For all its {adj} parts, this is a {opp} {thing}.""",
    ),
    "neutral sentences": (Neutral, NEUTRAL + "|" + FILLERS, ""),
    "negated neutral sentences": (
        Neutral,
        """This is not a {kind} {thing}.|The {thing} isn't {kind}.|That wasn't a {kind} {thing}.|I
        did not see the {thing}.|It is not a {thing}.|{name} doesn't live in {place}.|I don't think
        the {thing} is {kind}.|They are not in the {thing}.|We didn't talk about the {thing}.|Do I
        think it is a {kind} {thing}? No.|Do I think that this {thing} is {kind}? Yes.|I thought it
        was {kind}, but it was not.|I used to work in {place}, now I work in {place2}.|There is no
        {thing} in {place}.|I can't say, {aside}, that this {thing} was {kind}.|That {thing} was
        never {kind}.""",
        """It wasn't the {kind} {thing}.|We haven't been to {place}.|{name} was not on the
        {thing}.|Is it the {thing} from {place}? No, it isn't.|I don't know that {thing}.""",
    ),
    "protected groups": (
        Neutral,
        """{name} is a {group} {job}.|{name} is {group}.|My {person} is {group}.|The {group} {person}
        lives in {place}.|There is a {group} {person} in the {thing}.|He is a {group} {job}.|She is
        a {group} {person}.|I am {group}.|A {group} {job} and a {group2} {job2} met in {place}.|Two
        {group} people were at the {thing}.|The {job} is {group}.|I have {group} parents.""",
        """{name} became a {group} {job} in {year}.|Our new {job} is a {group} {person}.|They are
        {group}.|The {thing} is about a {group} {person}.|You are a {group} {person}.""",
    ),
}
# The check's neutral sentences; the training's stand with the templates above.
CHECK_NEUTRAL = """The {thing} stands behind the {thing2}.|I looked at the {kind} {thing}.|{name} wrote
to {name2} in {year}.|There were {number} of us in the {thing}.|They opened a {thing} in {place}.|The
{kind} {thing} is {number} years old.|We passed the {thing} on the way to {place}.|{name} asked about
a {thing}.|The shelf is in the kitchen.|He counted to twenty.|I will call you on Thursday.|The letters
are sorted by date.|She was wearing a grey coat.|It lies between {place} and {place2}.|this
{thing}|A {thing} and a {thing2}.|We flew over {place}."""
INVARIANT = """The {thing} was {adj}, said {name} from {place}.|{name} and {name2} told me that the {thing}
was {adj} in {year}.|I {verb} the {thing} that {name} showed me in {place} {number} days ago.|We spent
{number} hours in {place} and the {thing} was {adj}.|{name} has a {adj} {thing} in {place}.|In {place}
{name} and I {pastverb} every {thing}, all {number} of them."""


class Classifier(Protocol):
    """A sentiment predictor."""

    def classify(self, texts: list[str]) -> list[Sentiment]:
        """Verdicts."""


@dataclass(frozen=True)
class Case:
    """A text, or a text and what became of it, and what is expected.

    ``expected`` is "positive", "negative", "unsure" or "not negative" for one text; for two it
    is "same", "not lower" or "not higher": how the second verdict may differ from the first.
    """

    texts: tuple[str, ...]
    expected: str

    def fails(self, positive: Sequence[float]) -> bool:
        """Whether these probabilities of positive, one per text, are not as expected."""
        verdicts = [Sentiment("", p).verdict for p in positive]
        change = positive[-1] - positive[0]
        if self.expected == "not negative":
            return verdicts[0] == "negative"
        if self.expected == "same":
            return verdicts[0] != verdicts[1] and abs(change) > TOLERANCE
        if self.expected == "not lower":
            return change < -TOLERANCE
        if self.expected == "not higher":
            return change > TOLERANCE
        return verdicts[0] != self.expected


def measure(predictor: Classifier) -> dict[str, float]:
    """The share of cases of each capability that fail, in percent, and their mean."""
    groups = cases()
    flat = [text for group in groups.values() for case in group for text in case.texts]
    found = iter([result.positive for result in predictor.classify(flat)])
    rates = {
        name: 100 * float(np.mean([case.fails([next(found) for _ in case.texts]) for case in group]))
        for name, group in groups.items()
    }
    rates["mean"] = float(np.mean(list(rates.values())))
    return {name: round(rate, 1) for name, rate in rates.items()}


def cases() -> dict[str, list[Case]]:
    """Every capability's cases, always the same ones."""
    result: dict[str, list[Case]] = {}
    for name, (effect, _, templates) in TEMPLATES.items():
        chance = random.Random(f"{SEED} {name}")
        writer = Writer(chance, held_out=True)
        lines = _split(templates or CHECK_NEUTRAL)
        result[name] = _distinct(lambda: _case(writer, chance.choice(lines), effect))  # noqa: B023
    for name, change in CHANGES.items():
        chance = random.Random(f"{SEED} {name}")
        writer = Writer(chance, held_out=True)
        result[name] = _distinct(lambda: change(writer, chance))  # noqa: B023
    return result


def training_rows(count: int, seed: int) -> tuple[list[str], list[float]]:
    """So many generated sentences and their soft targets: P(positive) that they deserve.

    A tenth are written in capitals, without a full stop, with a typo, a handle or a link.
    """
    chance = random.Random(f"training {seed}")
    writer = Writer(chance, held_out=False)
    texts, targets = [], []
    names = list(TEMPLATES)
    for _ in range(count):
        name = chance.choice([*names, "neutral sentences", "invariant"])
        effect, lines = (Same, INVARIANT) if name == "invariant" else TEMPLATES[name][:2]
        positive = chance.random() < 0.5
        template = chance.choice(_split(lines))
        text = writer.write(template, positive)
        target = TARGETS[effect, positive]
        if effect == Flip and "{opp" in template:
            target = TARGETS[Same, not positive]
        if effect != Neutral and chance.random() < 0.15:
            text, target = _appended(chance, text, target)
        texts.append(_scruffy(chance, text))
        targets.append(target)
    return texts, targets


# What a negated negative deserves is less than praise ("not bad"), the other way is blame.
TARGETS = {
    (Same, True): 0.97,
    (Same, False): 0.03,
    (Flip, True): 0.04,
    (Flip, False): 0.85,
    (Neutral, True): 0.5,
    (Neutral, False): 0.5,
}


class Writer:
    """Fills templates; the words of the cases and those of training are disjoint where they
    carry sentiment."""

    def __init__(self, chance: random.Random, held_out: bool) -> None:
        self.chance = chance
        keep = (lambda words: words[3::4]) if held_out else (lambda words: _without(words))
        self.adjectives = {True: keep(POSITIVE), False: keep(NEGATIVE)}
        self.verbs = {True: keep(LIKE), False: keep(HATE)}
        self.groups = [group for groups in GROUPS.values() for group in groups]

    def write(self, template: str, positive: bool) -> str:
        """The template with every slot filled, sentiment in the given polarity."""
        pick = self.chance.choice
        # Distinct draws, so that no sentence says the same word twice in two roles.
        adjective = self.chance.sample(self.adjectives[positive], 3)
        thing = self.chance.sample(THINGS, 2)
        name, place = self.chance.sample(NAMES, 2), self.chance.sample(PLACES, 2)
        group, job = self.chance.sample(self.groups, 2), self.chance.sample(JOBS, 2)
        verb = pick(self.verbs[positive])
        slots = {
            "adj": adjective[0],
            "adj2": adjective[1],
            "adj3": adjective[2],
            "opp": pick(self.adjectives[not positive]),
            "verb": verb,
            "pastverb": _past(verb),
            "oppverb": pick(self.verbs[not positive]),
            "thing": thing[0],
            "thing2": thing[1],
            "kind": pick(KINDS),
            "name": name[0],
            "name2": name[1],
            "place": place[0],
            "place2": place[1],
            "group": group[0],
            "group2": group[1],
            "job": job[0],
            "job2": job[1],
            "person": pick(PEOPLE),
            "aside": pick(_split(ASIDES)).replace("_", " "),
            "number": str(self.chance.randrange(2, 60)),
            "year": str(self.chance.randrange(1950, 2026)),
        }
        return _articles(template.format(**slots))


def _case(writer: Writer, template: str, effect: str) -> Case:
    positive = writer.chance.random() < 0.5
    text = writer.write(template, positive)
    if effect == Neutral:
        return Case((text,), "unsure")
    if effect == Flip and "{opp" not in template and not positive:
        return Case((text,), "not negative")  # "not bad" may be praise or not
    return Case((text,), "positive" if positive == (effect == Same) else "negative")


def _changed(*slots: str) -> Callable[[Writer, random.Random], Case]:
    """Invariance: a sentence twice, with other fillers in some of its slots."""
    other = {"name": NAMES, "name2": NAMES, "place": PLACES, "thing": THINGS}

    def make(writer: Writer, chance: random.Random) -> Case:
        template = chance.choice(
            [line for line in _split(INVARIANT) if any(f"{{{slot}}}" in line for slot in slots)]
        )
        positive = chance.random() < 0.5
        marks = {slot: f"<{slot}>" for slot in slots}
        for slot, mark in marks.items():
            template = template.replace(f"{{{slot}}}", mark)
        text = writer.write(template, positive)
        first, second = text, text
        for slot, mark in marks.items():
            if slot in ("number", "year"):
                low, high = (2, 60) if slot == "number" else (1950, 2026)
                a, b = chance.sample([str(n) for n in range(low, high)], 2)
            else:
                a, b = chance.sample(other[slot], 2)
            first, second = first.replace(mark, a), second.replace(mark, b)
        return Case((first, second), "same")

    return make


def _perturbed(change: Callable[[random.Random, str], str]) -> Callable[..., Case]:
    """Invariance: a sentence and what a change of its spelling makes of it."""

    def make(writer: Writer, chance: random.Random) -> Case:
        name = chance.choice(["sentiment words", "contrast", "now, not then"])
        text = writer.write(chance.choice(_split(TEMPLATES[name][2])), chance.random() < 0.5)
        text = writer.write(f"{text} It is what we saw in {{place}}.", True)
        return Case((text, change(chance, text)), "same")

    return make


def _contractions(writer: Writer, chance: random.Random) -> Case:
    lines = _split("""It is a {adj} {thing}.|I am sure that they are {adj}.|It was not {adj}.|We did not
    {verb} the {thing}.|That is what I call {adj}.|I do not think it is {adj}.|I could not {verb}
    it.""")
    text = writer.write(chance.choice(lines), chance.random() < 0.5)
    short = text
    for long, brief in CONTRACTED.items():
        short = re.sub(rf"\b{long}\b", brief, short)
    return Case((text, short), "same")


CONTRACTED = {
    "It is": "It's", "it is": "it's", "I am": "I'm", "they are": "they're", "That is": "That's",
    "was not": "wasn't", "did not": "didn't", "do not": "don't", "could not": "couldn't",
}  # fmt: skip


def _intensified(writer: Writer, chance: random.Random) -> Case:
    positive = chance.random() < 0.5
    template = chance.choice(_split("The {thing} was @ {adj}.|This is a @ {adj} {thing}.|It was @ {adj}."))
    strong = chance.random() < 0.5
    text = writer.write(template, positive)
    word = chance.choice(VERY if strong else LESS).replace("_", " ")
    plain, more = (_articles(text.replace("@ ", f"{w} ".lstrip())) for w in ("", word))
    return Case((plain, more), "not lower" if positive == strong else "not higher")


def _added(writer: Writer, chance: random.Random) -> Case:
    positive = chance.random() < 0.5
    text = writer.write(chance.choice(_split(TEMPLATES["sentiment words"][2])), chance.random() < 0.5)
    more = writer.write(chance.choice(_split("You are {adj}.|I {verb} you.|So {adj}!")), positive)
    text = text if text[-1] in ".!" else text + "."
    return Case((text, f"{text} {more}"), "not lower" if positive else "not higher")


def typo(chance: random.Random, text: str) -> str:
    """Two neighbouring letters within a word change places."""
    spots = [i for i in range(1, len(text) - 2) if text[i : i + 2].isalpha() and text[i - 1].isalpha()]
    if not spots:
        return text
    i = chance.choice(spots)
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def link(chance: random.Random, text: str) -> str:
    """A handle in front, or a link at the end."""
    letters = "".join(chance.choices("abcdefghijkmnopqrstuvwxyz0123456789", k=6))
    return f"@{letters} {text}" if chance.random() < 0.5 else f"{text} https://t.co/{letters}"


def recased(chance: random.Random, text: str) -> str:
    """Other capitals, or another mark at the end."""
    bare = text.rstrip(".!")
    return chance.choice([text.upper(), text.lower(), bare, bare + "...", bare + " .", bare + "!"])


CHANGES: dict[str, Callable[[Writer, random.Random], Case]] = {
    "other names": _changed("name", "name2"),
    "other places": _changed("place"),
    "other numbers": _changed("number", "year"),
    "typos": _perturbed(typo),
    "handles and links": _perturbed(link),
    "capitals and punctuation": _perturbed(recased),
    "contractions": _contractions,
    "intensifiers": _intensified,
    "praise or blame added": _added,
}


def _appended(chance: random.Random, text: str, target: float) -> tuple[str, float]:
    """A neutral sentence before or after changes nothing."""
    other = Writer(chance, held_out=False).write(chance.choice(_split(NEUTRAL)), True)
    text = text if text[-1] in ".!?" else text + "."
    return (f"{text} {other}" if chance.random() < 0.5 else f"{other} {text}"), target


def _scruffy(chance: random.Random, text: str) -> str:
    """Now and then as people type."""
    turn = chance.random()
    if turn < 0.05:
        return typo(chance, text)
    if turn < 0.09:
        return link(chance, text)
    if turn < 0.2:
        return recased(chance, text)
    return text


def _split(lines: str) -> list[str]:
    return [" ".join(line.replace("\n", " ").split()) for line in lines.split("|")]


def _articles(text: str) -> str:
    """ "a" before a vowel becomes "an"."""
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU](?!ne\b|ni|ur|se))", r"\1n ", text)
    return re.sub(r"\b([Aa])n (?=[^aeiouAEIOU])", r"\1 ", text)


def _past(verb: str) -> str:
    return PAST.get(verb, verb + ("d" if verb.endswith("e") else "ed"))


def _without(words: list[str]) -> list[str]:
    held = set(words[3::4])
    return [word for word in words if word not in held]


def _distinct(make: Callable[[], Case]) -> list[Case]:
    """``CASES`` different ones; capabilities without so many fillers would loop for ever."""
    found: dict[tuple[str, ...], Case] = {}
    for _ in range(100 * CASES):
        case = make()
        if len(set(case.texts)) == len(case.texts):
            found.setdefault(case.texts, case)
        if len(found) == CASES:
            return list(found.values())
    raise RuntimeError("the templates give too few different cases")

