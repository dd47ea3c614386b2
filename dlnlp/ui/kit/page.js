// The script that all tabs share, loaded once in the page's head.
(() => {
  // A box turns carriage returns into line feeds, and HTML has no null or unpaired surrogates.
  const plain = (text) =>
    (text.toWellFormed?.() ?? text).replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");

  // The marker of every panel holds the text that its results are for ("data-answers"). While the
  // question's box holds another text, the panel is marked as stale and dimmed. The values are
  // polled because setting a box's value from a script fires no event.
  const compare = () => {
    for (const panel of document.querySelectorAll(".dl-panel")) {
      const marker = panel.querySelector("[data-answers]");
      const box = marker && document.querySelector(`#${marker.dataset.box} textarea`);
      const stale = Boolean(box) && plain(box.value) !== plain(marker.dataset.answers);
      if (panel.hasAttribute("data-stale") !== stale) panel.toggleAttribute("data-stale", stale);
    }
    for (const button of document.querySelectorAll("button.label-wrap")) {
      const open = String(button.classList.contains("open"));
      if (button.getAttribute("aria-expanded") !== open) button.setAttribute("aria-expanded", open);
    }
  };
  setInterval(compare, 100);

  // Gradio's status tracker shows "queue: 2/3 | 1.2s" while an event waits in the queue.
  const SOON = 0.5; // seconds; shorter waits are not announced
  const queued = () => {
    for (const line of document.querySelectorAll(".dl-queued")) {
      const tracker = line.closest(".dl-panel").querySelector('[data-testid="status-tracker"]');
      const found = tracker?.textContent.match(/queue: (\d+)\/(\d+) \|\s*([\d.]+)/);
      const waits = found && Number(found[3]) >= SOON;
      const text = waits ? `Waiting: position ${found[1]} of ${found[2]} in the queue` : "";
      if (line.said === text) continue; // the text itself may be shown in French
      line.said = line.textContent = text;
    }
  };
  setInterval(queued, 200);

  // Arrow keys, Home and End move between tabs (WAI-ARIA tabs pattern).
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.('[role="tab"]');
    if (!tab) return;
    const tabs = [...tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]:not([disabled])')];
    let place = tabs.indexOf(tab);
    if (event.key in steps) place = (place + steps[event.key] + tabs.length) % tabs.length;
    else if (event.key === "Home") place = 0;
    else if (event.key === "End") place = tabs.length - 1;
    else return;
    event.preventDefault();
    tabs[place].click();
    tabs[place].focus();
  });

  // Arrow keys, Home and End also move between the buttons of a text, a list or a grid.
  const GROUPS = ".dl-text, .dl-switches, .dl-layers, .dl-heads-grid, .dl-nexts, .dl-candidates";
  const BUTTONS = 'button:not([disabled]), [role="button"]';
  // The button in the next line, or in the one before, that is closest to the middle of this one.
  const beyond = (buttons, from, down) => {
    const place = (button) => {
      const { left, right, top, bottom } = button.getBoundingClientRect();
      return { button, x: (left + right) / 2, y: (top + bottom) / 2, height: bottom - top };
    };
    const here = place(from);
    const away = ({ y }) => (down ? y - here.y : here.y - y);
    const found = buttons.map(place).filter((each) => away(each) > here.height / 2);
    const line = Math.min(...found.map(away)) + here.height / 2;
    const across = ({ x }) => Math.abs(x - here.x);
    return found.filter((each) => away(each) < line).sort((a, b) => across(a) - across(b))[0]?.button;
  };
  // The button to which a key moves: null if there is none, undefined for a key that doesn't move.
  const next = (buttons, from, key) => {
    const place = buttons.indexOf(from);
    const targets = {
      ArrowRight: () => buttons[place + 1],
      ArrowLeft: () => buttons[place - 1],
      ArrowDown: () => beyond(buttons, from, true),
      ArrowUp: () => beyond(buttons, from, false),
      Home: () => buttons[0],
      End: () => buttons.at(-1),
    };
    return key in targets ? (targets[key]() ?? null) : undefined;
  };
  document.addEventListener("keydown", (event) => {
    const group = event.target.matches?.(BUTTONS) && event.target.closest(GROUPS);
    if (!group) return;
    const found = next([...group.querySelectorAll(BUTTONS)], event.target, event.key);
    if (found === undefined) return;
    event.preventDefault();
    found?.focus();
  });

  // A new answer replaces the button that was pressed. The one at the same place of the component
  // gets the focus, so that a visitor with a keyboard need not start again at the top of the page.
  const FOCUSABLE = `${BUTTONS}, [tabindex="0"], input, summary`;
  let kept = null; // the focused element, its component and its place there
  document.addEventListener("focusin", ({ target }) => {
    const component = target.closest(".dl-panel .block");
    const place = component ? [...component.querySelectorAll(FOCUSABLE)].indexOf(target) : -1;
    kept = place < 0 ? null : { target, component, place };
  });
  document.addEventListener("pointerdown", () => (kept = null), { capture: true, passive: true });
  const refocus = () => {
    if (!kept || kept.target.isConnected || document.activeElement !== document.body) return;
    kept.component.querySelectorAll(FOCUSABLE)[kept.place]?.focus({ preventScroll: true });
  };
  setInterval(refocus, 50);

  // Resolves when smooth scrolling has ended. Some browsers have no "scrollend" event.
  const scrolled = () =>
    new Promise((done) => {
      document.addEventListener("scrollend", done, { once: true });
      setTimeout(done, 1000);
    });

  let latest = null; // identifies the last call of scroll, until the visitor acts
  for (const type of ["wheel", "touchstart", "pointerdown", "keydown"])
    document.addEventListener(type, () => (latest = null), { capture: true, passive: true });

  // Scroll an element into view unless its top is in the upper half of the screen. First waits
  // until new values are rendered. Scrolls again if panels above it grew meanwhile.
  const scroll = async (id) => {
    const own = (latest = Symbol(id));
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let tries = 0; tries < 3; tries++) {
      for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
      const element = document.getElementById(id);
      if (!element || latest !== own) return;
      const { top } = element.getBoundingClientRect();
      if (top >= 0 && top < window.innerHeight / 2) return;
      element.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
      await scrolled();
    }
  };

  // Without its answer, a panel may be too short to be scrolled to the top, so the page scrolls
  // again when the answer is there, unless the visitor has acted meanwhile. An event that follows
  // the panel's own event could do this, but would make every question slower.
  let awaited = null; // the panel's id and its previous answer
  const answer = (id) => document.querySelector(`#${id} [data-answers]`);
  const arrived = () => {
    if (!awaited || latest === null) return (awaited = null);
    const found = answer(awaited.id);
    if (!found || found === awaited.before) return;
    scroll(awaited.id);
    awaited = null;
  };
  setInterval(arrived, 100);

  // A button with data-open="<stem>" opens the model's tab, with the text of the Start tab. A tab
  // is drawn when it is first opened, and its new box may still be emptied after that.
  const open = async (stem, from = "start_text") => {
    const text = document.querySelector(`#${from} textarea`).value;
    document.getElementById(`${stem}_tab-button`).click();
    const find = () => document.querySelector(`#${stem}_text textarea`);
    for (let tries = 0; tries < 50 && find()?.value !== text; tries++) {
      const box = find();
      if (box) {
        box.value = text;
        box.dispatchEvent(new Event("input", { bubbles: true }));
      }
      await new Promise((done) => setTimeout(done, 100));
    }
    document.getElementById(`${stem}_run`).click();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-open]");
    if (button) open(button.dataset.open);
  });

  let stays = false; // the next answer is shown without scrolling, unless the visitor acts
  for (const type of ["pointerdown", "keydown"])
    document.addEventListener(type, () => (stays = false), { capture: true, passive: true });

  // Open a model's tab with the text of the training tab, and scroll to the panel of the trained
  // model there, again when it has answered.
  const use = async (stem) => {
    stays = true; // not to the first panel
    await open(stem, "training_text");
    const id = `${stem}_trained_panel`;
    awaited = { id, before: answer(id) };
    document.querySelector(`#${stem}_trained button.label-wrap:not(.open)`)?.click();
    scroll(id);
  };

  // A remark with data-use="<stem>" appears when the visitor uses the model that they trained.
  document.addEventListener("click", async (event) => {
    if (!event.target.closest("#training_use")) return;
    const find = () => document.querySelector("#training_status [data-use]");
    find()?.removeAttribute("data-use");
    for (let tries = 0; tries < 50 && !find(); tries++)
      await new Promise((done) => setTimeout(done, 100));
    if (find()) use(find().dataset.use);
  });

  window.dlnlp = {
    scroll,
    next,
    // Whether the text was copied; browsers only allow it on secure pages.
    async copy(text) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        return false;
      }
    },
    press(id, scrolling) {
      stays = !scrolling;
      document.getElementById(id).click();
    },
    reveal(id) {
      if (stays) return (stays = false);
      awaited = { id, before: answer(id) };
      scroll(id);
    },
  };
})();
