// Saves what a panel shows as SVG, PNG or standalone HTML, and JSON results; copies code.
(() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MARGIN = 12; // pixels around a picture
  const SHARPNESS = 2; // pixels of a PNG per CSS pixel
  const MOST_CELLS = 20_000; // a heatmap with more cells is saved as an image
  const RESULTS = ".dl-result, .js-plotly-plot";
  const SKIPPED = ".modebar, .dl-note, .dl-copy, .dl-saving, .dl-code, output, pre, details, [hidden]";
  // The properties that a text needs to look the same without the page's style sheet.
  const KEPT = [
    "color", "background", "display", "font", "padding", "margin", "border", "border-radius",
    "text-align", "text-decoration", "text-transform", "white-space", "line-height", "width",
    "max-width", "height", "flex", "gap", "justify-content", "align-items", "position", "inset",
    "box-shadow", "list-style", "grid-template-columns",
  ];

  // Colours such as "color-mix()" are unknown to most other programs, so a canvas converts them.
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return { colour: `rgb(${red},${green},${blue})`, alpha: alpha / 255 };
  };

  const make = (name, attributes, ...children) => {
    const element = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    // XML has no control characters.
    const valid = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "\ufffd");
    element.append(...children.map((each) => (typeof each === "string" ? valid(each) : each)));
    return element;
  };

  // The results that a part of the page shows, without those within others.
  const results = (part) =>
    [part, ...part.querySelectorAll(RESULTS)].filter(
      (each) =>
        each.matches(RESULTS) && each.getClientRects().length && !each.parentElement.closest(RESULTS),
    );

  // A text node as SVG, one element per line.
  const lines = (node, style) => {
    const found = [];
    const range = document.createRange();
    for (let i = 0; i < node.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      if (!box.width && !box.height) continue;
      const last = found.at(-1);
      if (last && Math.abs(last.top - box.top) < 1) {
        last.text += node.data[i];
        last.right = box.right;
      } else {
        const { left, top, right, height, width } = box;
        found.push({ text: node.data[i], left, top, right, height, width });
      }
    }
    return found.filter((line) => line.text.trim()).map((line) => letters(line, style));
  };

  const letters = ({ text, left, top, right, height }, style) => {
    pixel.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = pixel.measureText(text);
    const { colour, alpha } = rgba(style.color);
    return make(
      "text",
      {
        x: left, y: top + (height * up) / (up + down), fill: colour, "fill-opacity": alpha,
        textLength: right - left, lengthAdjust: "spacingAndGlyphs", "xml:space": "preserve",
        "font-family": style.fontFamily.replaceAll('"', "'"), "font-size": style.fontSize,
        "font-weight": style.fontWeight, "font-style": style.fontStyle,
        "text-decoration": style.textDecorationLine,
      },
      style.textTransform === "uppercase" ? text.toUpperCase() : text,
    );
  };

  // Labels of columns are written upwards.
  const upwards = (node, style) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const { left, bottom, width, height } = range.getBoundingClientRect();
    const line = letters({ text: node.data, left: 0, top: 0, right: height, height: width }, style);
    return make("g", { transform: `translate(${left} ${bottom}) rotate(-90)` }, line);
  };

  // The cells of a heatmap, which the page shows as an image with one pixel per cell.
  const image = (img) => {
    const { left, top, width, height } = img.getBoundingClientRect();
    const { naturalWidth: columns, naturalHeight: rows } = img;
    const fitting = { x: left, y: top, width, height, preserveAspectRatio: "none" };
    if (rows * columns > MOST_CELLS) return make("image", { ...fitting, href: img.src });
    const canvas = new OffscreenCanvas(columns, rows).getContext("2d");
    canvas.drawImage(img, 0, 0);
    const { data } = canvas.getImageData(0, 0, columns, rows);
    const group = make("g", { "shape-rendering": "crispEdges" });
    for (let i = 0; i < rows * columns; i++) {
      const [red, green, blue, alpha] = data.slice(4 * i, 4 * i + 4);
      if (!alpha) continue;
      group.append(
        make("rect", {
          x: left + ((i % columns) * width) / columns, y: top + (Math.floor(i / columns) * height) / rows,
          width: width / columns, height: height / rows,
          fill: `rgb(${red},${green},${blue})`, "fill-opacity": alpha / 255,
        }),
      );
    }
    return group;
  };

  // The background of an element: a colour, and a gradient from left to right if it has one.
  const background = (element, style, definitions) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const shape = { x: left, y: top, width, height, rx: parseFloat(style.borderTopLeftRadius) || 0 };
    const found = [];
    const { colour, alpha } = rgba(style.backgroundColor);
    if (alpha) found.push(make("rect", { ...shape, fill: colour, "fill-opacity": alpha }));
    if (style.backgroundImage.startsWith("linear-gradient(90deg")) {
      const colours = style.backgroundImage.match(/\b(rgba?|color)\([^)]*\)/g) || [];
      const id = `gradient-${definitions.childElementCount}`;
      const stops = colours.map((each, i) => {
        const stop = rgba(each);
        return make("stop", {
          offset: i / (colours.length - 1), "stop-color": stop.colour, "stop-opacity": stop.alpha,
        });
      });
      definitions.append(make("linearGradient", { id }, ...stops));
      found.push(make("rect", { ...shape, fill: `url(#${id})` }));
    }
    return found;
  };

  const draw = (element, definitions) => {
    if (element.matches(SKIPPED) || !element.getClientRects().length) return [];
    if (element instanceof SVGSVGElement) {
      const { left, top, width, height } = element.getBoundingClientRect();
      const copy = element.cloneNode(true);
      copy.removeAttribute("style");
      for (const [key, value] of Object.entries({ x: left, y: top, width, height }))
        copy.setAttribute(key, value);
      return [copy];
    }
    if (element instanceof HTMLImageElement) return [image(element)];
    const style = getComputedStyle(element);
    if (style.visibility === "hidden") return [];
    const turned = style.writingMode.startsWith("vertical");
    const parts = background(element, style, definitions);
    for (const child of element.childNodes)
      if (child instanceof Text) parts.push(...(turned ? [upwards(child, style)] : lines(child, style)));
      else if (child instanceof Element) parts.push(...draw(child, definitions));
    if (!element.title) return parts;
    return [make("g", {}, make("title", {}, element.title), ...parts)];
  };

  // Elements as one SVG picture. Whatever is scrolled is drawn from its beginning.
  const picture = (elements) => {
    const scrolled = elements
      .flatMap((each) => [each, ...each.querySelectorAll("*")])
      .filter((each) => each.scrollLeft || each.scrollTop)
      .map((each) => [each, each.scrollLeft, each.scrollTop]);
    for (const [each] of scrolled) each.scrollTo({ left: 0, top: 0, behavior: "instant" });
    const definitions = make("defs", {});
    const drawn = make("g", {}, ...elements.flatMap((each) => draw(each, definitions)));
    for (const [each, left, top] of scrolled) each.scrollTo({ left, top, behavior: "instant" });
    const svg = make("svg", { xmlns: NAMESPACE }, definitions, drawn);
    document.body.append(svg); // only a drawn element has a size
    const { x, y, width, height } = drawn.getBBox();
    svg.remove();
    const whole = { x: x - MARGIN, y: y - MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN };
    svg.setAttribute("viewBox", [whole.x, whole.y, whole.width, whole.height].join(" "));
    svg.setAttribute("width", whole.width);
    svg.setAttribute("height", whole.height);
    const fill = getComputedStyle(document.body).backgroundColor;
    svg.prepend(make("rect", { ...whole, fill: rgba(fill).colour }));
    return svg;
  };

  const written = (svg) => new XMLSerializer().serializeToString(svg);

  const raster = async (svg) => {
    const drawn = new Image();
    drawn.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(written(svg))}`;
    await drawn.decode();
    const canvas = document.createElement("canvas");
    canvas.width = SHARPNESS * svg.getAttribute("width");
    canvas.height = SHARPNESS * svg.getAttribute("height");
    canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  };

  // A copy of an element that needs no style sheet; figures become SVG.
  const standalone = (element) => {
    if (element.matches(SKIPPED) || !element.getClientRects().length) return "";
    if (element.matches(".js-plotly-plot, .dl-heatmap, img")) return picture([element]);
    const copy = document.createElement(element.matches("button") ? "span" : element.tagName);
    const style = getComputedStyle(element);
    for (const property of KEPT) copy.style[property] = style.getPropertyValue(property);
    for (const name of ["title", "lang"])
      if (element.getAttribute(name)) copy.setAttribute(name, element.getAttribute(name));
    for (const child of element.childNodes)
      if (child instanceof Text) copy.append(child.data);
      else if (child instanceof Element) copy.append(standalone(child));
    return copy;
  };

  const page = (panel, name) => {
    const made = document.implementation.createHTMLDocument(`dlnlp: ${name}`);
    const { color, backgroundColor, fontFamily } = getComputedStyle(document.body);
    Object.assign(made.body.style, { color, backgroundColor, fontFamily, margin: "2rem" });
    made.body.append(...results(panel).map(standalone));
    const charset = made.createElement("meta");
    charset.setAttribute("charset", "utf-8");
    made.head.prepend(charset);
    return `<!doctype html>\n${made.documentElement.outerHTML}`;
  };

  const download = (content, type, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  const MAKERS = {
    svg: async (panel) => [written(picture(results(panel))), "image/svg+xml"],
    png: async (panel) => [await raster(picture(results(panel))), "image/png"],
    html: async (panel, name) => [page(panel, name), "text/html"],
    json: async (element) => [element.textContent, "application/json"],
  };

  const say = (button, text) => {
    const label = button.dataset.label || dlnlp.english(button);
    button.dataset.label = label;
    button.textContent = text;
    setTimeout(() => (button.textContent = label), 2500);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-save], [data-copy-code]");
    if (!button) return;
    if (button.matches("[data-copy-code]")) {
      const code = button.closest(".dl-code").querySelector("code").textContent;
      return say(button, (await dlnlp.copy(code)) ? "Copied" : "Copying is not allowed here; select the code");
    }
    const { save, of } = button.dataset;
    const element = document.getElementById(of);
    // A hidden figure is not on the page, and a closed panel is empty.
    const shows = save === "json" || (element && results(element).some((each) => each.textContent.trim()));
    if (!shows) return say(button, "Nothing is shown there yet");
    const name = of.replace(/_panel$/, "");
    download(...(await MAKERS[save](element, name)), `${name}.${save}`);
  });

  // The code shows the address of this page.
  setInterval(() => {
    const address = location.origin + location.pathname.replace(/\/$/, "");
    for (const each of document.querySelectorAll("[data-address]"))
      if (each.textContent !== address) each.textContent = address;
  }, 500);
})();
