// The panel beside a lab's notebook. It shows the state that the kernel pushes, and sends back what was pressed.
// Elements are kept and changed in place, so that the focus stays where it is. All text goes through textContent.

const SLOW = 400; // milliseconds of checking before it is worth showing
const NARROW = 1000; // pixels of a window that has no room for three columns
const SHOWN = 2000; // milliseconds a button says what it did

const SYMBOLS = { "not begun": "·", tried: "✗", passed: "✓", unknown: "!" };
const WORDS = { "not begun": "not begun", tried: "tried", passed: "passed", unknown: "could not be checked" };

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function set(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

// Text in which `this` is code, as nodes.
function marked(text) {
  return text.split(/`([^`\n]+)`/).map((part, at) => (at % 2 ? element("code", { text: part }) : part));
}

// Put what it was made of into a node again, but only if that changed.
function refill(node, source, make) {
  const key = JSON.stringify(source);
  if (node.filledWith === key) return;
  node.filledWith = key;
  node.replaceChildren(...make(source));
}

// One child for each entry, known by its name: new ones are made, the others stay where they are.
function each(parent, entries, make, change) {
  const known = new Map([...parent.children].map((child) => [child.dataset.name, child]));
  entries.forEach((entry, at) => {
    let child = known.get(entry.name);
    known.delete(entry.name);
    if (!child) {
      child = make(entry);
      child.dataset.name = entry.name;
    }
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
    change(child, entry);
  });
  for (const child of known.values()) child.remove();
}

// A button that tells why it cannot be pressed by looking so, and keeps the focus.
function able(button, yes) {
  set(button, "aria-disabled", !yes);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { class: "rlp-unseen", "aria-hidden": "true" });
    const before = document.activeElement;
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus();
    return done;
  }
}

// Bring a heading of the notebook to the top of what is seen of it.
function scrollTo(heading) {
  const wanted = heading.trim();
  for (const panel of document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden)")) {
    for (const found of panel.querySelectorAll("h1, h2, h3")) {
      if (found.textContent.replace(/¶$/, "").trim() === wanted) {
        found.scrollIntoView({ block: "start" });
        return true;
      }
    }
  }
  return false;
}

// Close the files on the left, once, where a window has no room for files, notebook and panel. JupyterLab's own keys
// for it are pressed, which open it again.
function makeRoom() {
  const files = document.getElementById("jp-left-stack");
  if (window.innerWidth >= NARROW || !files?.offsetWidth || document.body.dataset.rlpRoom) return;
  document.body.dataset.rlpRoom = "made";
  const mac = navigator.platform.startsWith("Mac");
  const keys = { key: "b", code: "KeyB", keyCode: 66, ctrlKey: !mac, metaKey: mac, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new KeyboardEvent("keydown", keys));
}

let panels = 0;

function render({ model, el }) {
  const mark = `rlp-${++panels}`;
  const view = crypto.randomUUID();
  const send = (kind, more = {}) => model.send({ kind, view, ...more });
  let picked = ""; // the step that was chosen; empty to go along with the next one
  let open = false; // whether the hints that were shown are listed
  const revealed = new Map(); // secrets that were asked for
  const timers = new Set();
  const later = (work, milliseconds) => {
    const timer = setTimeout(() => (timers.delete(timer), work()), milliseconds);
    timers.add(timer);
    return timer;
  };
  const state = () => model.get("state");
  const button = (text, onclick, more = {}) =>
    element("button", {
      type: "button",
      text,
      ...more,
      onclick: (event) => event.currentTarget.getAttribute("aria-disabled") === "true" || onclick(event),
    });

  const title = element("h2", { id: mark });
  const bar = element("div", { class: "rlp-bar", role: "progressbar", "aria-valuemin": "0", "aria-labelledby": mark });
  const filled = element("div", { class: "rlp-filled" });
  bar.append(filled);
  const sum = element("p", { class: "rlp-sum" });
  const news = element("p", { class: "rlp-news", role: "status", "aria-live": "polite" });
  const trouble = element("p", { class: "rlp-trouble", role: "status" });
  const again = button("Watch again", () => send("watch"));

  const steps = element("ol", { class: "rlp-steps", role: "list", "aria-label": "Steps" });

  const stepTitle = element("h3", { id: `${mark}-step` });
  const standing = element("p", { class: "rlp-standing" });
  const finding = element("div", { class: "rlp-finding" });
  const section = button("Show its section", () => scrollTo(current().heading) || tell("The notebook does not show it."));
  const check = button("Check now", () => send("check", { step: current().name }));
  const hint = button("Next hint", () => {
    open = true;
    send("hint", { step: current().name });
  });
  const earlier = button("Earlier hints", () => {
    open = !open;
    update();
  });
  const hints = element("ol", { class: "rlp-hints", id: `${mark}-hints` });
  earlier.setAttribute("aria-controls", hints.id);
  const step = element(
    "section",
    { class: "rlp-step", "aria-labelledby": stepTitle.id },
    element("div", { class: "rlp-head" }, stepTitle, standing),
    finding,
    element("div", { class: "rlp-buttons" }, section, check, hint, earlier),
    hints,
  );

  const drawing = element("img", { class: "rlp-drawing", alt: "" });
  const drawn = element("p", { class: "rlp-soft" });
  const picture = part("The registry", drawing, drawn);
  const rows = element("ul", { class: "rlp-values", role: "list" });
  const values = part("Values of this run", rows);

  const help = button("Ask for help", () => send("help", { wanted: state().help !== "asked" }));
  const submit = button("Hand in", () => send("hand in"));
  const handed = element("div", { class: "rlp-handed" });
  const ending = part("Hand in", element("div", { class: "rlp-buttons" }, submit, help), handed);

  const root = element(
    "section",
    { class: "rlp", "aria-labelledby": mark },
    title, bar, sum, news, trouble, again, steps, step, picture, values, ending,
  );
  el.append(root);

  function part(name, ...children) {
    const details = element("details", { class: "rlp-part", open: "" });
    details.append(element("summary", {}, element("h3", { text: name })), ...children);
    return details;
  }

  function tell(text) {
    say(news, text);
  }

  function current() {
    const all = state().steps;
    const wanted = picked || state().next;
    return all.find((one) => one.name === wanted) ?? all[all.length - 1];
  }

  function stepRow(entry) {
    const row = button("", () => {
      picked = entry.name;
      open = false;
      update();
    });
    row.append(
      element("span", { class: "rlp-mark", "aria-hidden": "true" }),
      element("span", { class: "rlp-title" }),
      element("span", { class: "rlp-word" }),
    );
    return element("li", {}, row);
  }

  function changeStep(item, entry) {
    const row = item.firstChild;
    const [symbol, name, word] = row.children;
    set(row, "data-standing", entry.standing);
    if (entry.name === current().name) set(row, "aria-current", "step");
    else row.removeAttribute("aria-current");
    say(symbol, SYMBOLS[entry.standing]);
    say(name, entry.title);
    if (!entry.checking) {
      clearTimeout(item.slow);
      item.slow = undefined;
      delete row.dataset.slow;
      say(word, WORDS[entry.standing]);
    } else if (item.slow === undefined) {
      item.slow = later(() => {
        row.dataset.slow = "";
        say(word, "checking …");
      }, SLOW);
    }
  }

  function valueRow(entry) {
    const show = button("Show", () => {
      if (revealed.has(entry.name)) {
        revealed.delete(entry.name);
        update();
      } else send("value", { name: entry.name });
    });
    const take = button("Copy", async () => {
      const text = entry.secret ? revealed.get(entry.name) : take.value;
      const done = await copy(text ?? "");
      tell(done ? `${entry.name} is copied.` : `The browser does not let ${entry.name} be copied.`);
      say(take, done ? "Copied" : "Not copied");
      later(() => say(take, "Copy"), SHOWN);
    });
    take.setAttribute("aria-label", `Copy ${entry.name}`);
    return element(
      "li",
      {},
      element("code", { class: "rlp-name", text: `$${entry.name}` }),
      element("code", { class: "rlp-value" }),
      element("span", { class: "rlp-small" }, ...(entry.secret ? [show] : []), take),
    );
  }

  function changeValue(item, entry) {
    const [, value, buttons] = item.children;
    const take = buttons.lastChild;
    const seen = entry.secret ? revealed.get(entry.name) : entry.value;
    take.value = entry.value;
    say(value, seen ?? "••••••••");
    if (seen === undefined) set(value, "aria-label", "hidden");
    else value.removeAttribute("aria-label");
    able(take, seen !== undefined);
    if (entry.secret) {
      say(buttons.firstChild, seen === undefined ? "Show" : "Hide");
      set(buttons.firstChild, "aria-label", `${seen === undefined ? "Show" : "Hide"} ${entry.name}`);
    }
  }

  function update() {
    const now = state();
    if (!now.steps) return;
    const chosen = now.steps.find((one) => one.name === picked);
    // Once it is passed the panel goes on to the next step by itself.
    if (chosen && chosen.standing === "passed" && root.before?.[picked] && root.before[picked] !== "passed") picked = "";
    root.before = Object.fromEntries(now.steps.map((one) => [one.name, one.standing]));

    say(title, `${now.number} ${now.title}`);
    set(bar, "aria-valuenow", now.passed);
    set(bar, "aria-valuemax", now.total);
    set(bar, "aria-valuetext", now.summed);
    filled.style.inlineSize = `${now.total ? (100 * now.passed) / now.total : 0}%`;
    say(sum, now.summed);
    if (root.told !== now.news_number) {
      root.told = now.news_number;
      tell(now.news);
    }
    say(trouble, now.watching === "starting" ? "Looking at how things stand …" : now.trouble);
    trouble.hidden = !trouble.textContent;
    trouble.classList.toggle("rlp-soft", now.watching === "starting");
    again.hidden = now.watching !== "off";

    each(steps, now.steps, stepRow, changeStep);

    const at = current();
    say(stepTitle, at.title);
    set(step, "data-standing", at.standing);
    say(standing, `${SYMBOLS[at.standing]} ${WORDS[at.standing]}, ${at.points}`);
    refill(finding, [at.findings, at.remark], ([findings, remark]) => [
      ...findings.map((parts) =>
        element(
          "dl",
          {},
          ...parts.flatMap(([label, text]) => [
            element("dt", { text: label }),
            element("dd", { "data-part": label }, ...marked(text)),
          ]),
        ),
      ),
      ...(remark ? [element("p", {}, ...marked(remark))] : []),
    ]);
    section.hidden = !at.heading;
    const count = at.hints.length;
    hint.hidden = count + at.left === 0;
    say(hint, at.left ? `Next hint (${count + 1} of ${count + at.left})` : "No more hints");
    able(hint, at.left > 0);
    earlier.hidden = count === 0;
    say(earlier, open ? "Hide hints" : `Earlier hints (${count})`);
    set(earlier, "aria-expanded", open && count > 0);
    hints.hidden = !open || count === 0;
    refill(hints, at.hints, (all) => all.map((text) => element("li", {}, ...marked(text))));
    able(check, now.watching === "on");

    each(rows, now.values, valueRow, changeValue);
    values.hidden = now.values.length === 0;

    help.hidden = !now.help;
    say(help, now.help === "asked" ? "I need no help any more" : "Ask for help");
    able(submit, !now.packing);
    say(submit, now.packing ? "Packing …" : "Make the archive");
    refill(handed, now.handed, (lines) =>
      lines.map((line) => element("p", line.startsWith("  ") ? { class: "rlp-inner" } : {}, ...marked(line.trim()))),
    );
  }

  function draw() {
    const now = model.get("picture");
    picture.hidden = !now.source && !now.trouble;
    drawing.hidden = !now.source;
    if (now.source) set(drawing, "src", now.source);
    set(drawing, "alt", now.words ?? "");
    say(drawn, now.trouble ?? "");
    drawn.hidden = !now.trouble;
  }

  function hear(message) {
    if (message.kind === "value" && message.view === view) {
      revealed.set(message.name, message.value);
      update();
    }
  }

  model.on("change:state", update);
  model.on("change:picture", draw);
  model.on("msg:custom", hear);
  update();
  draw();
  send("here");
  makeRoom();
  return () => {
    send("gone");
    for (const timer of timers) clearTimeout(timer);
    model.off("change:state", update);
    model.off("change:picture", draw);
    model.off("msg:custom", hear);
  };
}

export default { render };
