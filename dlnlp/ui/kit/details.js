// Details of marked pieces, such as the cells of a table (see ``markup.details``). A piece with
// data-detail is chosen by pointer, by touch, or with the arrow keys when its group has the focus;
// the line below the group shows what the piece says.
(() => {
  const PIECE = "[data-detail]", GROUP = "[data-details]", LISTENING = `${GROUP} > [role="group"]`;

  const choose = (piece) => {
    const group = piece.closest(GROUP), line = group?.querySelector("output");
    if (!line || piece.hasAttribute("data-chosen")) return;
    group.querySelector("[data-chosen]")?.removeAttribute("data-chosen");
    piece.setAttribute("data-chosen", "");
    line.textContent = piece.dataset.detail;
  };
  const chosen = (group) => group.querySelector("[data-chosen]") ?? group.querySelector(PIECE);

  document.addEventListener("pointerover", ({ target }) => {
    const piece = target.closest?.(PIECE);
    if (piece) choose(piece);
  });
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(LISTENING)) choose(chosen(target));
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(LISTENING)) return;
    const pieces = [...event.target.querySelectorAll(PIECE)];
    const next = dlnlp.next(pieces, chosen(event.target), event.key);
    if (next === undefined) return;
    event.preventDefault();
    if (!next) return; // there is none in that direction
    choose(next);
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
})();
