/* What a data map cannot do as a chart alone: name its counts, search among all examples, show the
   brushed images side by side, brush by numbers (so by keyboard too) and save indices as CSV.
   The chart carries its sample as rows, and all examples packed, in `usermeta.dataMap`
   (carto_helpers/charts/map_subsets.py). The page's bundle tells of every chart that is drawn. */
(() => {
  "use strict";

  const SHOWN = 60; // images of the strip
  const EDGES = { variability: [0, 0.5], confidence: [0, 1] };
  const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const unpack = ({ dtype, base64 }) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new ARRAYS[dtype](bytes.buffer);
  };

  /* All examples, as columns. */
  const everyone = ({ classes, scale, ...columns }) => {
    const unpacked = Object.entries(columns).map(([name, column]) => [name, unpack(column)]);
    return { classes, scale, ...Object.fromEntries(unpacked) };
  };

  const example = (all, i) => ({
    index: all.index[i],
    class: all.classes[all.class[i]],
    confidence: all.confidence[i] / all.scale,
    variability: all.variability[i] / all.scale,
    correctness: all.correctness[i] / all.scale,
    subsets: all.subsets[i],
  });

  /* What the reader chose: a test of an example, whether a point or packed. */
  const chosenBy = (view) => {
    const brush = view.signal("brush") || {};
    const subset = view.signal("lit_subset");
    const shown = view.signal("lit_class");
    const ranges = Object.entries(brush).map(([name, ends]) => [name, Math.min(...ends), Math.max(...ends)]);
    return (row) =>
      ranges.every(([name, low, high]) => low <= row[name] && row[name] <= high) &&
      (subset < 0 || Math.floor(row.subsets / 2 ** subset) % 2 === 1) &&
      (shown === "all classes" || row.class === shown);
  };

  const chosenOfAll = (view, all) => {
    const is_chosen = chosenBy(view);
    const rows = [];
    for (let i = 0; i < all.index.length; i += 1) {
      const row = example(all, i);
      if (is_chosen(row)) rows.push(row);
    }
    return rows.sort((a, b) => a.index - b.index);
  };

  const asCsv = (rows) => {
    const names = ["index", "class", "confidence", "variability", "correctness"];
    const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
    return [names, ...rows.map((row) => names.map((name) => quoted(row[name])))].join("\n") + "\n";
  };

  const save = (text, name) => {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const picture = (row) => {
    const text = `index ${row.index}, ${row.class}`;
    return make("img", { src: row.thumbnail, alt: text, title: text, width: 40, height: 40 });
  };

  const say = (row) =>
    `index ${row.index}: ${row.class}, confidence ${row.confidence}, variability ${row.variability}, ` +
    `correctness ${row.correctness}`;

  /* Where the map lies on the canvas: the group of the plane, found by its two axes' scales. */
  const place = (view) => {
    const seek = (item, x, y) => {
      for (const mark of item.items || []) {
        for (const group of mark.marktype === "group" ? mark.items : []) {
          const [left, top] = [x + (group.x || 0), y + (group.y || 0)];
          if (group.width === 400 && group.height === 400) return { left, top, group };
          const found = seek(group, left, top);
          if (found) return found;
        }
      }
      return null;
    };
    const [x, y] = view.origin();
    const { left, top } = view.padding();
    return seek({ items: [view.scenegraph().root] }, x + left, y + top);
  };

  /* Brush as a mouse would: the chart has no other public way in. A drag that starts within the
     last brush would move it, so that is cleared first. The chart learns from a move what is where. */
  const pointer = (view, bounds) => {
    const canvas = view.container().querySelector(".marks");
    const { left, top, group } = place(view);
    const box = canvas.getBoundingClientRect();
    const at = (i) => ({
      clientX: box.left + left + (bounds.variability[i] / EDGES.variability[1]) * group.width,
      clientY: box.top + top + (1 - bounds.confidence[i]) * group.height,
      bubbles: true,
      view: window,
    });
    return (target, kind, i) => target.dispatchEvent(new PointerEvent(kind, at(i)));
  };

  const unbrush = (view, bounds = EDGES) => {
    const canvas = view.container().querySelector(".marks");
    const send = pointer(view, bounds);
    send(canvas, "pointermove", 0);
    send(canvas, "dblclick", 0);
    send(canvas, "pointerout", 0);
    return view.runAsync();
  };

  const drag = async (view, bounds) => {
    await unbrush(view, bounds);
    const canvas = view.container().querySelector(".marks");
    const send = pointer(view, bounds);
    send(canvas, "pointermove", 0);
    send(canvas, "pointerdown", 0);
    send(window, "pointermove", 1);
    send(window, "pointerup", 1);
    send(canvas, "pointerout", 1);
  };

  const numberInputs = (name) =>
    EDGES[name].map((edge, i) =>
      make("input", {
        type: "number", min: EDGES[name][0], max: EDGES[name][1], step: 0.01, value: edge,
        ariaLabel: `${name} ${i ? "to" : "from"}`,
      }));

  const brushForm = (view) => {
    const inputs = { variability: numberInputs("variability"), confidence: numberInputs("confidence") };
    const labels = Object.entries(inputs).map(([name, [low, high]]) => make("span", {}, `${name} `, low, " to ", high));
    const clear = make("button", { type: "button", textContent: "Clear" });
    const form = make("form", { className: "map-brush" }, ...labels, make("button", { textContent: "Brush" }), clear);
    const tell = ([low, high]) => {
      high.setCustomValidity(Number(low.value) === Number(high.value) ? "expected two ends that differ" : "");
    };
    form.addEventListener("input", () => Object.values(inputs).forEach(tell));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const numbers = ([low, high]) => [Number(low.value), Number(high.value)];
      drag(view, { variability: numbers(inputs.variability), confidence: numbers(inputs.confidence) });
    });
    clear.addEventListener("click", () => unbrush(view));
    const follow = () => {
      const brush = view.signal("brush") || {};
      for (const [name, pair] of Object.entries(inputs)) {
        const ends = [...(brush[name] || EDGES[name])].sort((a, b) => a - b);
        pair.forEach((input, i) => { input.value = ends[i].toFixed(3); });
        tell(pair);
      }
    };
    return { form, follow };
  };

  const explore = ({ target, spec, view }) => {
    const rows = Object.values(spec.datasets).find((part) => part.length && "subsets" in part[0]) || [];
    const all = everyone(spec.usermeta.dataMap);
    const counts = make("p", { className: "map-counts", role: "status" });
    const found = make("p", { className: "map-found", role: "status" });
    const strip = make("div", { className: "map-strip", tabIndex: 0, role: "group", ariaLabel: "brushed images" });
    const button = make("button", { type: "button", className: "map-save" });
    const { form, follow } = brushForm(view);
    const number = (value) => value.toLocaleString("en");

    const update = () => {
      const points = rows.filter(chosenBy(view));
      const pictured = points.filter((row) => row.thumbnail);
      const n_all = chosenOfAll(view, all).length;
      counts.textContent =
        `Chosen: ${number(n_all)} of ${number(all.index.length)} examples; ${number(points.length)} of ` +
        `${number(rows.length)} points. Images: ${number(Math.min(SHOWN, pictured.length))} of ${number(pictured.length)}.`;
      button.textContent = `Save ${number(n_all)} indices as CSV`;
      strip.replaceChildren(...pictured.slice(0, SHOWN).map(picture));
      follow();
    };
    const search = (name, value) => {
      const text = String(value ?? "").trim();
      const i = all.index.findIndex((index) => String(index) === text);
      const point = rows.find((row) => String(row.index) === text);
      found.replaceChildren();
      if (text === "") return;
      if (i < 0) found.append(`no example has the index ${text}`);
      else found.append(say(example(all, i)), point ? "; ringed on the map " : "; not among the points drawn ");
      if (point && point.thumbnail) found.append(picture(point));
    };
    button.addEventListener("click", () => save(asCsv(chosenOfAll(view, all)), "brushed-indices.csv"));
    let waiting = 0;
    const soon = () => { clearTimeout(waiting); waiting = setTimeout(update, 60); };
    ["brush", "lit_subset", "lit_class"].forEach((name) => view.addSignalListener(name, soon));
    view.addSignalListener("found_index", search);
    target.after(make("div", { className: "map-tools" }, found, form, counts, strip, button));
    update();
  };

  document.addEventListener("chart-drawn", ({ detail }) => {
    detail.target.tabIndex = 0; // a chart wider than a phone scrolls in its box, by keyboard too
    if (detail.spec.usermeta && detail.spec.usermeta.dataMap) explore(detail);
  });
})();
