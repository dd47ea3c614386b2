// The language of the page, in one place for all of its texts. The page is written in English. In
// French, every text and label that `locales/fr.json` knows is replaced, now and whenever the page
// changes; others stay as they are. In English, this script watches and changes nothing.
//
// A key of fr.json is a text in which numbers and quoted strings are {0}, {1}, … A text without a
// key is split into sentences and then at ";", ",", ":" and "·", and replaced if all parts have one.
(() => {
  const STORED = "dlnlp-language";
  const ATTRIBUTES = ["aria-label", "title", "placeholder"];
  // What a visitor wrote or a model produced, and the seconds that Gradio counts while one waits.
  const VERBATIM =
    '[data-testid="status-tracker"], [translate="no"], [lang]:not(html), textarea, input, code, pre, script, style, mark, del, ' +
    ".dl-text, .dl-word, .dl-card, .dl-heatmap-scroll, .dl-pieces, .js-plotly-plot, " +
    ".dl-examples:not(#own_presets) .gallery, .dl-examples tbody, .table-wrap tbody, .virtual-body, " +
    ".file-preview, .file-name";
  const VERBATIM_LABELS = ".table-wrap tbody *, .virtual-body *, .file-preview *, .js-plotly-plot *, math"; // other attributes are ours
  const QUOTED = /“[^”]*”|(?<![\p{L}\p{N}])(?:'[^'\n]*'|"[^"\n]*")(?![\p{L}\p{N}])/gu;
  // Not the digits of names such as SST-2 and F1.
  const NUMBER = /(?<![\p{L}\p{N}_.,-])[+−-]?\d+(?:[.,]\d+)*(?![\p{L}\p{N}_])/gu;
  const HOLES = new RegExp(`${QUOTED.source}|${NUMBER.source}`, "gu");
  const SEPARATORS = [
    [/(?<=[.?!…])(?<!\bal\.) (?=[\p{Lu}\p{N}\ue000])/u, " "],
    [/ · /, " · "],
    [/; /, "\u00a0; "],
    [/: /, "\u00a0: "],
    [/, /, ", "],
  ];
  const LONGEST = 5000; // characters of a text that may be ours

  let language = "en";
  let french = null; // the entries of fr.json, once they are loaded
  const known = new WeakMap(); // text node or element -> {name: [English, French]}
  // For the tests: the keys that were used, and those that fr.json lacks.
  const met = new Set();
  const missed = new Set();

  // 1,234.5 is 1 234,5 in French; other numbers, such as versions and dates, stay as they are.
  const number = (text) =>
    /^[+−-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$/.test(text)
      ? text.replaceAll(",", "\u202f").replace(".", ",")
      : text;
  const filled = (hole) => (/^[“'"]/.test(hole) ? `«\u00a0${hole.slice(1, -1)}\u00a0»` : number(hole));

  // The key of a text, and what is in its holes. Names of the page in quotes may be part of a key.
  const masked = (text, holes) => {
    const values = [];
    const key = text.replace(HOLES, (found) => {
      if (holes === NUMBER && /^[“'"]/.test(found)) return found;
      return `{${values.push(found) - 1}}`;
    });
    return [key, values];
  };

  const entry = (text) => {
    for (const holes of [NUMBER, HOLES]) {
      const [key, values] = masked(text, holes);
      if (!/\p{L}/u.test(key))
        return key.replace(/{(\d+)}/g, (_, i) => filled(values[i])).replace(/(?<=\d)%/g, "\u00a0%");
      if (!(key in french)) continue;
      met.add(key);
      return french[key].replace(/{(\d+)(!r)?}/g, (_, i, raw) => (raw ? values[i] : filled(values[i])));
    }
  };

  // The parts of a text between the separators that are not in quotes.
  const split = (text, separator) => {
    const quotes = [];
    const bare = text.replace(QUOTED, (found) => (quotes.push(found), "\ue000"));
    return bare.split(separator).map((part) => part.replaceAll("\ue000", () => quotes.shift()));
  };

  // The French text, or undefined.
  const translated = (text) => {
    const whole = entry(text);
    if (whole !== undefined) return whole;
    for (const [separator, joint] of SEPARATORS) {
      const parts = split(text, separator);
      if (parts.length < 2) continue;
      const found = [];
      for (const part of parts) {
        const each = translated(part);
        if (each === undefined) break;
        found.push(each);
      }
      if (found.length === parts.length) return found.join(joint);
    }
  };

  // A place of a text is a text node (with the name ""), an attribute of an element, or a property
  // of an object, such as of a Plotly figure.
  const read = (place, name) => {
    if (place instanceof Text) return place.data;
    return place instanceof Element ? place.getAttribute(name) : place[name];
  };
  const write = (place, name, text) => {
    if (place instanceof Text) place.data = text;
    else if (place instanceof Element) place.setAttribute(name, text);
    else place[name] = text;
  };

  const isVerbatim = (place, name) => {
    if (place instanceof Text) return Boolean(place.parentElement?.closest(VERBATIM));
    return place instanceof Element && place.matches(VERBATIM_LABELS);
  };

  // Whether a text was replaced.
  const translate = (place, name = "") => {
    const given = read(place, name);
    if (!given || given.length > LONGEST || known.get(place)?.[name]?.[1] === given) return false;
    const text = given.trim().replace(/\s+/g, " ");
    if (!/[\p{L}\d]/u.test(text) || isVerbatim(place, name)) return false;
    const found = translated(text);
    if (found === undefined) {
      missed.add(masked(text, HOLES)[0]);
      return false;
    }
    const shown = given.match(/^\s*/)[0] + found + given.match(/\s*$/)[0];
    known.set(place, { ...known.get(place), [name]: [given, shown] });
    if (shown !== given) write(place, name, shown);
    return shown !== given;
  };

  const restore = (place, name = "") => {
    const [given, shown] = known.get(place)?.[name] ?? [];
    if (given === shown || read(place, name) !== shown) return false;
    write(place, name, given);
    return true;
  };

  // Call `each` for all text nodes and attributes of a part of the page.
  const visit = (root, each) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = root; node; node = walker.nextNode()) {
      if (node instanceof Text) each(node);
      else if (node instanceof Element)
        for (const name of ATTRIBUTES) if (node.hasAttribute(name)) each(node, name);
    }
  };

  // The texts of a Plotly figure, without ticks that are words of the visitor (see ``plots.py``).
  const visitFigure = (figure, each) => {
    const places = figure.data.flatMap((trace) => [
      [trace, "name"], [trace, "hovertemplate"], ...items(trace.text),
    ]);
    const { xaxis, yaxis, meta } = figure.layout;
    for (const axis of [xaxis, yaxis]) if (axis?.title) places.push([axis.title, "text"]);
    places.push(...items(yaxis?.ticktext));
    if (meta !== "words") {
      places.push(...items(xaxis?.ticktext));
      for (const { customdata } of figure.data) places.push(...items(customdata));
    }
    return places.filter(([place, name]) => typeof place[name] === "string" && each(place, name));
  };
  const items = (list) => (Array.isArray(list) ? list.map((_, index) => [list, index]) : []);

  // Plotly lays a figure out for its texts, so the texts are replaced in its data.
  const redraw = (figure, each) => {
    if (!figure.isConnected || !figure.data || !visitFigure(figure, each).length) return;
    figure.layout.separators = each === translate ? ",\u202f" : ".,";
    window.Plotly.redraw(figure);
  };
  const figures = (root) => root.querySelectorAll?.(".js-plotly-plot") ?? [];
  const drawn = new Set(); // figures to translate when they are complete
  const translateLater = (figure) => {
    if (!drawn.size)
      setTimeout(() => {
        const all = [...drawn];
        drawn.clear();
        for (const each of all) redraw(each, translate);
      });
    drawn.add(figure);
  };

  // The button names the other language in that language.
  const label = () => {
    for (const button of document.querySelectorAll("[data-language]")) {
      const [name, code] = language === "fr" ? ["English", "en"] : ["Français", "fr"];
      if (button.textContent !== name) button.textContent = name;
      if (button.lang !== code) button.lang = code;
    }
  };

  const watcher = new MutationObserver((changes) => {
    for (const { type, target, attributeName, addedNodes } of changes) {
      if (!target.isConnected) continue; // Plotly adds texts to measure them, and removes them
      const figure = (target.parentElement ?? target).closest(".js-plotly-plot");
      if (figure) translateLater(figure);
      else if (type === "attributes") translate(target, attributeName);
      else if (type === "characterData") translate(target);
      else
        for (const node of addedNodes) {
          if (!node.isConnected) continue;
          visit(node, translate);
          for (const each of figures(node)) translateLater(each);
        }
    }
    label();
  });

  const show = async (wanted) => {
    const root = document.documentElement;
    if (wanted === "fr") {
      const address = `${location.pathname.replace(/\/$/, "")}/locales/fr.json`;
      french ??= await fetch(address).then((answer) => (answer.ok ? answer.json() : null), () => null);
      if (!french) return; // the page stays in English
      language = "fr";
      visit(root, translate);
      for (const figure of figures(root)) redraw(figure, translate);
      const changes = { childList: true, subtree: true, characterData: true };
      watcher.observe(root, { ...changes, attributeFilter: ATTRIBUTES });
    } else {
      language = "en";
      watcher.disconnect();
      visit(root, restore);
      for (const figure of figures(root)) redraw(figure, restore);
    }
    root.lang = language;
    label();
  };

  const stored = () => {
    try {
      return localStorage.getItem(STORED);
    } catch {} // the browser does not allow to store anything
  };
  const offered = (name) => (/^(en|fr)\b/.exec(name || "") || [])[0];
  const preferred = () =>
    [new URLSearchParams(location.search).get("lang"), stored(), ...navigator.languages]
      .map(offered)
      .find(Boolean);

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-language]")) return;
    const wanted = language === "fr" ? "en" : "fr";
    try {
      localStorage.setItem(STORED, wanted);
    } catch {} // then it is not remembered
    const address = new URL(location.href);
    if (address.searchParams.has("lang")) {
      address.searchParams.set("lang", wanted);
      history.replaceState(history.state, "", address);
    }
    show(wanted);
  });

  Object.assign((window.dlnlp ??= {}), {
    // The English text of an element that has only text.
    english: (element) => known.get(element.firstChild)?.[""]?.[0] ?? element.textContent,
    french: (text) => translated(text),
    met,
    missed,
  });
  if (preferred() === "fr") show("fr");
})();
