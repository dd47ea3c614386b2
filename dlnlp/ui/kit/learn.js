// What the Learn panels' HTML components do; each calls its function when it is loaded.
(() => {
  // The steps of a tour, of which one is shown. The step is kept in the browser. An update of the
  // value draws the first step again, so the chosen one is shown again after it.
  dlnlp.tour = (element, watch) => {
    let step = 0, furthest = 0;
    const all = (selector) => [...element.querySelectorAll(selector)];
    const key = () => `dlnlp-learn-${element.querySelector("[data-tour]")?.dataset.tour}`;
    const load = () => {
      try { [step, furthest] = JSON.parse(localStorage.getItem(key())) ?? [step, furthest]; } catch {}
    };
    const save = () => {
      try { localStorage.setItem(key(), JSON.stringify([step, furthest])); } catch {}
    };
    const show = () => {
      const pages = all("[data-page]");
      if (!pages.length) return;
      step = Math.max(0, Math.min(Number(step) || 0, pages.length - 1));
      furthest = Math.max(Number(furthest) || 0, step);
      pages.forEach((page, i) => (page.hidden = i !== step));
      all("[data-step]").forEach((dot, i) => {
        if (i === step) dot.setAttribute("aria-current", "step");
        else dot.removeAttribute("aria-current");
        dot.toggleAttribute("data-seen", i <= furthest);
      });
      for (const button of all("[data-move]"))
        button.setAttribute("aria-disabled", !pages[step + Number(button.dataset.move)]);
      element.querySelector(".dl-tour-at").textContent =
        `Step ${step + 1} of ${pages.length}: ${pages[step].dataset.page}`;
    };
    const go = (to) => {
      step = to;
      show();
      save();
    };
    const drawn = () => {
      load();
      show();
    };
    element.addEventListener("click", (event) => {
      const dot = event.target.closest("[data-step]"), move = event.target.closest("[data-move]");
      if (dot) go(Number(dot.dataset.step));
      if (move) go(step + Number(move.dataset.move));
    });
    element.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || event.target.closest("pre, .dl-layers") || event.altKey || event.ctrlKey) return;
      event.preventDefault();
      go(step + by);
      if (event.target.matches("[data-step]")) all("[data-step]")[step].focus();
    });
    watch("value", drawn);
    drawn();
  };

  // Trying a question scrolls to the result; a button leads back until the answer is in view again.
  const back = document.createElement("button");
  Object.assign(back, { type: "button", className: "dl-back", textContent: "Back to the question" });
  let question = null, left = false;
  const observer = new IntersectionObserver(([{ isIntersecting, boundingClientRect }]) => {
    if (isIntersecting && left) observer.disconnect();
    left ||= !isIntersecting;
    back.hidden = isIntersecting || !boundingClientRect.height; // its tab may be closed
  });
  dlnlp.leadBack = (article) => {
    question = article;
    left = false;
    back.hidden = true;
    document.querySelector(".gradio-container").append(back);
    observer.disconnect();
    observer.observe(question.querySelector("summary"));
  };
  back.addEventListener("click", () => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    question.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    question.querySelector("summary").focus({ preventScroll: true });
  });

  // The tutorial's listing: a checkbox shows the repaired lines instead of the wrong ones.
  dlnlp.listing = (element, trigger) => {
    const boxes = () => [...element.querySelectorAll("input[data-repair]")];
    const show = () => {
      for (const box of boxes()) {
        const number = box.dataset.repair;
        for (const line of element.querySelectorAll(`[data-wrong="${number}"]`))
          line.hidden = box.checked;
        for (const line of element.querySelectorAll(`[data-right="${number}"]`))
          line.hidden = !box.checked;
      }
    };
    element.addEventListener("change", show);
    element.addEventListener("click", (event) => {
      if (!event.target.closest("[data-run]")) return;
      const repairs = boxes().filter((box) => box.checked).map((box) => Number(box.dataset.repair));
      trigger("click", { repairs });
    });
  };
})();
