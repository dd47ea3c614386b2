// Links to what a visitor sees. The address holds the view (a tab, or a screen of the Compare tab),
// its texts, the settings that were changed, and whether the page is presented on a screen.
(() => {
  const OUTER = "comparisons"; // the tab whose screens are views of their own
  const LONGEST = 3000; // characters of the texts in a link
  const TOO_LONG = "The text is too long for a link";
  const touched = new Set(); // ids of components that the visitor or a link has changed
  let tooLong = false;

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const button = (view) => document.getElementById(`${view}_tab-button`);
  const until = async (find) => {
    for (let tries = 0; tries < 50; tries++) {
      const found = find();
      if (found) return found;
      await pause(100);
    }
    return null;
  };

  // The view that is shown: the selected tab, or the selected screen of the Compare tab.
  const shown = () => {
    const selected = document.querySelectorAll('[role="tab"][aria-selected="true"]');
    const [tab, screen] = [...selected].map((each) => each.id.replace("_tab-button", ""));
    return tab === OUTER ? screen : tab;
  };

  // The component of an event in the view, by its HTML id, such as "sentiment_lstm_method".
  const component = (target, view) => target.closest?.(`[id^="${view}_"]:not([role="tab"])`);

  const value = (element) => {
    const radio = element.querySelector('input[type="radio"]:checked');
    const box = element.querySelector('input[type="checkbox"]');
    if (radio) return radio.value;
    if (box) return box.checked ? "1" : "0";
    return element.querySelector('textarea, input[type="number"]')?.value;
  };

  const query = () => {
    const view = shown();
    if (!view) return null;
    const old = new URLSearchParams(location.search);
    const params = new URLSearchParams();
    for (const [name, each] of old) if (/^(__.*|lang)$/.test(name)) params.set(name, each);
    if (document.documentElement.dataset.presenting) params.set("present", "1");
    params.set("view", view);
    const fields = [...touched]
      .filter((id) => id.startsWith(`${view}_`) && document.getElementById(id))
      .map((id) => [id, value(document.getElementById(id))])
      .filter(([, found]) => found);
    tooLong = fields.reduce((length, [, found]) => length + found.length, 0) > LONGEST;
    if (!tooLong) for (const [id, found] of fields.sort()) params.set(id, found);
    return `?${params}`;
  };

  // A question and a change of the view make a new entry of the history, a setting changes the
  // last one. Typing alone leaves the address as it is, because the answer is still for the old text.
  let restoring = true; // until the address was read
  // How many more times to look for a change; not how long, because a busy page looks late.
  const due = { push: 0, replace: 0 };
  const expect = (how) => (due[how] = 8);
  const update = () => {
    const how = due.push ? "pushState" : due.replace ? "replaceState" : "";
    for (const each in due) due[each] = Math.max(0, due[each] - 1);
    if (restoring || !how) return;
    const wanted = query();
    if (!wanted || wanted === location.search) return;
    history[how](null, "", wanted + location.hash);
    due.push = due.replace = 0;
  };
  setInterval(update, 250);

  const asks = (view) => {
    expect("push");
    for (const name of ["text", "other", "model"]) touched.add(`${view}_${name}`);
  };

  const note = (event) => {
    const view = shown();
    const element = view && component(event.target, view);
    if (!element || event.target.matches('input[type="file"]')) return;
    touched.add(element.id);
    if (!event.target.matches("textarea")) expect("replace");
  };
  document.addEventListener("input", note, true);
  document.addEventListener("change", note, true);
  document.addEventListener(
    "click",
    (event) => {
      const target = event.target.closest('[role="tab"], [id$="_run"], [id$="_examples"]');
      const view = shown();
      if (target?.id === `${view}_run` || target?.id === `${view}_examples`) asks(view);
      else if (target) expect("push");
    },
    true,
  );
  // In a box of several lines, Enter begins a new one.
  const SEVERAL = "#batch_text";
  document.addEventListener("keydown", (event) => {
    const { key, shiftKey, target } = event;
    if (key === "Enter" && !shiftKey && target.matches("textarea") && !target.closest(SEVERAL))
      asks(shown());
  });

  // Give a component a value; whether it had this value already.
  const assign = (element, wanted) => {
    if (value(element) === wanted) return true;
    const radios = [...element.querySelectorAll('input[type="radio"]')];
    const choice =
      radios.find((each) => each.value === wanted) || element.querySelector('input[type="checkbox"]');
    if (choice) choice.click();
    const field = element.querySelector('textarea, input[type="number"]');
    if (choice || !field) return false;
    if (field.type === "number" && !Number.isFinite(parseFloat(wanted))) return true; // keep its own
    field.value = wanted;
    for (const type of ["input", "change"])
      field.dispatchEvent(new Event(type, { bubbles: true }));
    return false;
  };

  // Open the accordions within a part of the page; a second click would close them again.
  const pressed = new WeakSet();
  const open = (within) => {
    for (const each of document.querySelectorAll(`${within} button.label-wrap:not(.open)`))
      if (each.offsetParent && !pressed.has(each)) {
        pressed.add(each); // it is only marked as open a moment later
        setTimeout(() => pressed.delete(each), 1000);
        each.click();
      }
  };

  // A component that was just drawn may be reset, so its value must stay for a moment.
  const set = async (id, wanted) => {
    const find = () => document.getElementById(id);
    // It may be in an accordion: in that of the settings or, if it isn't there soon, in another.
    let looks = 0;
    const opened = () => {
      if (find()) return find();
      const settings = `[id^="${shown()}_"][id$="_settings"]`;
      open(document.querySelector(settings) && looks++ < 10 ? settings : ".tabitem");
      return null;
    };
    if (!(await until(opened))) return;
    touched.add(id);
    for (let tries = 0, stays = 0; tries < 30 && stays < 4; tries++) {
      const element = find();
      stays = element && assign(element, wanted) ? stays + 1 : 0;
      await pause(75);
    }
  };

  // Open a panel; whether the page has it.
  const openPanel = (id) => {
    document.querySelector(`#${id} button.label-wrap:not(.open)`)?.click();
    dlnlp.scroll(document.getElementById(id) ? id : `${id}_panel`);
  };

  // Buttons of the Learn panels: data-show="<panel>" opens a panel and scrolls to it, and asks
  // about data-text if the box is empty; data-tab="<tab>" opens a tab; data-try sets components,
  // as a link does, and asks.
  document.addEventListener("click", async (event) => {
    const target = event.target.closest("[data-show], [data-tab], [data-try]");
    if (!target) return;
    if (target.dataset.show) {
      const view = shown(), box = document.getElementById(`${view}_text`);
      if (box && !value(box)?.trim()) {
        await set(box.id, target.dataset.text);
        dlnlp.press(`${view}_run`, false);
      }
      return openPanel(target.dataset.show);
    }
    if (target.dataset.tab) {
      expect("push");
      button(target.dataset.tab)?.click();
      return scrollTo(0, 0);
    }
    const { values, opens, press } = JSON.parse(target.dataset.try);
    dlnlp.leadBack(target.closest("article"));
    expect("push");
    await Promise.all(Object.entries(values).map(([id, wanted]) => set(id, wanted)));
    dlnlp.press(press, !opens.length);
    opens.forEach(openPanel);
  });

  // Open the tab for the visitor's own model with the text of another tab.
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-own]");
    if (!target) return;
    const text = document.querySelector(`#${target.dataset.own}_text textarea`)?.value;
    expect("push");
    button("own")?.click();
    if (text) set("own_text", text);
  });

  const present = (on) => {
    if (on) document.documentElement.dataset.presenting = "1";
    else delete document.documentElement.dataset.presenting;
    expect("replace");
  };

  // Show the view of an address, and ask its question again. The first address may have no view.
  const restore = async ({ type }) => {
    const params = new URLSearchParams(location.search);
    const view = params.get("view") ?? (type === "popstate" ? "start" : null);
    present(params.get("present") === "1");
    due.replace = 0; // nothing has changed
    restoring = Boolean(view && /^\w+$/.test(view));
    if (!restoring) return;
    await until(() => document.querySelector('[role="tab"]'));
    if (!button(view)) button(OUTER)?.click();
    const tab = await until(() => button(view));
    if (tab && shown() !== view) tab.click();
    const fields = [...params].filter(([id]) => id.startsWith(`${view}_`));
    if (tab) await Promise.all(fields.map(([id, wanted]) => set(id, wanted)));
    if (tab && fields.length) document.getElementById(`${view}_run`)?.click();
    due.push = due.replace = 0;
    restoring = false;
  };
  addEventListener("popstate", restore);
  if (document.readyState === "complete") restore({ type: "load" });
  else addEventListener("load", restore);

  document.addEventListener("click", async (event) => {
    const target = event.target.closest("[data-copy-link], [data-present]");
    if (!target) return;
    if (target.matches("[data-present]")) return present(!document.documentElement.dataset.presenting);
    expect("replace");
    update();
    const label = (target.dataset.label ||= dlnlp.english(target)); // not "Copied"
    const copied = !tooLong && (await dlnlp.copy(location.href));
    target.textContent = tooLong ? TOO_LONG : copied ? "Copied" : location.href;
    setTimeout(() => (target.textContent = label), 2500);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") present(false);
  });
})();
