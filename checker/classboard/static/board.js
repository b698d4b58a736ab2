// The board: draws what the server tells over server-sent events. All that learners send is set as text, never as HTML.
"use strict";

const STUCK_TRIES = 3, STUCK_SECONDS = 600, AWAY_SECONDS = 900;
const HAND = "asks for help";
const byId = (name) => document.getElementById(name);
const learners = new Map(); // identifier -> row, in the roster's order
let labs = [], skew = 0, chosenLab = "", chosenByHand = false;

const now = () => Date.now() / 1000 - skew;
const element = (tag, text = "", className = "") => {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
};
const lasting = (seconds) =>
  seconds < 90 ? `${Math.max(0, Math.round(seconds))} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;

function stepsOf(row, lab) {
  return new Map(row.steps.filter((step) => step.lab === lab).map((step) => [step.step, step]));
}

// Where a learner is in a lab: the step tried last, else the first open one.
function at(row, lab) {
  const known = stepsOf(row, lab.name);
  if (!known.size) return null;
  const states = lab.steps.map((name) => known.get(name)).filter(Boolean);
  const tried = states.filter((step) => step.standing === "tried").sort((a, b) => b.changed - a.changed);
  if (tried.length) return tried[0];
  const open = states.find((step) => step.standing !== "passed");
  if (!open) return { step: "", standing: "passed", changed: Math.max(...states.map((step) => step.changed)), same: 0, finding: "" };
  const last = Math.max(...states.map((step) => step.changed));
  return { ...open, changed: last };
}

function needs(row, lab) {
  const step = at(row, lab);
  const reasons = [];
  if (row.hand) reasons.push(HAND);
  if (step && step.step) {
    if (step.standing === "tried" && step.same >= STUCK_TRIES) reasons.push(`stuck: same finding ${step.same} times`);
    else if (now() - step.changed > STUCK_SECONDS && now() - row.seen < STUCK_SECONDS) reasons.push("stuck: no change");
  }
  return reasons;
}

function shownRows(lab) {
  const find = byId("find").value.trim().toLowerCase(), only = byId("only").checked, sort = byId("sort").value;
  const rows = [...learners.values()].filter((row) => !find || `${row.name} ${row.identifier}`.toLowerCase().includes(find))
    .filter((row) => !only || needs(row, lab).length);
  const passed = (row) => row.steps.filter((step) => step.lab === lab.name && step.standing === "passed").length;
  if (sort === "name") rows.sort((a, b) => a.name.localeCompare(b.name));
  if (sort === "progress") rows.sort((a, b) => passed(b) - passed(a));
  const urgent = (row) => needs(row, lab).length + (row.hand ? 10 : 0);
  if (sort === "stuck") rows.sort((a, b) => urgent(b) - urgent(a));
  return rows;
}

function cell(state) {
  const standing = state ? state.standing : "not begun";
  const td = element("td", "", "step");
  const sign = standing === "passed" ? "✓" : standing === "tried" ? "✗" : "·";
  const hints = state && state.hints ? ` ${state.hints}?` : "";
  const inner = element("span", sign + hints, `cell ${standing === "passed" ? "passed" : standing === "tried" ? "tried" : "none"}`);
  const said = [standing, state && state.finding, state && state.hints ? `${state.hints} hints` : ""].filter(Boolean).join(", ");
  inner.title = said;
  inner.setAttribute("role", "img");
  inner.setAttribute("aria-label", said);
  td.append(inner);
  return td;
}

function tableRow(row, lab) {
  const tr = element("tr");
  tr.dataset.learner = row.identifier;
  const name = element("th", row.name);
  name.scope = "row";
  name.title = row.identifier;
  const where = element("td"), state = element("td");
  const step = at(row, lab);
  where.textContent = !step ? "not here yet" : step.step ? `${step.step}, ${lasting(now() - step.changed)}` : "all done";
  for (const reason of needs(row, lab)) state.append(element("span", reason, "tag"));
  if (row.seen && now() - row.seen > AWAY_SECONDS) state.append(element("span", `away ${lasting(now() - row.seen)}`, "tag away"));
  const known = stepsOf(row, lab.name);
  tr.append(name, where, state, ...lab.steps.map((one) => cell(known.get(one))));
  return tr;
}

function draw() {
  const lab = labs.find((one) => one.name === chosenLab) || labs[0];
  if (!lab) return;
  const head = byId("head");
  if (head.dataset.lab !== lab.name) {
    head.dataset.lab = lab.name;
    const titles = ["Learner", "At", "Needs", ...lab.steps].map((title, number) => {
      const th = element("th", title, number > 2 ? "step" : "");
      th.scope = "col";
      return th;
    });
    head.replaceChildren(...titles);
  }
  byId("rows").replaceChildren(...shownRows(lab).map((row) => tableRow(row, lab)));
  drawHands();
  drawCommon(lab);
  const all = [...learners.values()];
  byId("here").textContent = all.filter((row) => row.seen && now() - row.seen < AWAY_SECONDS).length;
  byId("stuck").textContent = all.filter((row) => needs(row, lab).some((reason) => reason !== HAND)).length;
  byId("done").textContent = all.filter((row) => { const step = at(row, lab); return step && !step.step; }).length;
}

function drawHands() {
  const up = [...learners.values()].filter((row) => row.hand).sort((a, b) => a.hand - b.hand);
  const list = byId("hands");
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.hand : undefined;
  list.replaceChildren(...up.map((row) => {
    const lab = labs.find((one) => one.name === row.lab);
    const step = lab && at(row, lab);
    const item = element("li");
    const place = step && step.step ? `, ${lab.number} ${step.step}` : "";
    item.append(element("span", `${row.name}${place}, since ${lasting(now() - row.hand)}`));
    const button = element("button", "Answered");
    button.dataset.hand = row.identifier;
    button.setAttribute("aria-label", `Answered: ${row.name}`);
    button.addEventListener("click", () => fetch("/answered", {
      method: "POST", headers: { "Content-Type": "application/json", "X-Board": "1" }, body: JSON.stringify({ learner: row.identifier }),
    }));
    item.append(button);
    return item;
  }));
  byId("no-hands").hidden = up.length > 0;
  if (focused !== undefined) {
    const again = [...list.querySelectorAll("button")];
    const same = again.find((button) => button.dataset.hand === focused) || again[0];
    if (same) same.focus();
  }
}

function drawCommon(lab) {
  const counts = new Map();
  for (const row of learners.values())
    for (const step of row.steps)
      if (step.lab === lab.name && step.standing === "tried" && step.finding) {
        const key = `${step.step}: ${step.finding}`;
        counts.set(key, (counts.get(key) || 0) + 1);
      }
  const most = [...counts].filter(([, count]) => count > 1).sort((a, b) => b[1] - a[1]).slice(0, 6);
  byId("common").replaceChildren(...most.map(([key, count]) => element("li", `${count} × ${key}`)));
  byId("no-common").hidden = most.length > 0;
}

function take(data) {
  skew = Date.now() / 1000 - data.now;
  for (const row of data.rows) learners.set(row.identifier, row);
  if (!chosenByHand) {
    const counts = new Map();
    for (const row of learners.values()) if (row.lab) counts.set(row.lab, (counts.get(row.lab) || 0) + 1);
    const busiest = [...counts].sort((a, b) => b[1] - a[1])[0];
    chosenLab = busiest ? busiest[0] : labs.length ? labs[0].name : "";
    byId("lab").value = chosenLab;
  }
  draw();
}

function begin() {
  for (const name of ["sort", "only"]) byId(name).addEventListener("change", draw);
  byId("find").addEventListener("input", draw);
  byId("view").addEventListener("submit", (event) => event.preventDefault());
  byId("lab").addEventListener("change", () => { chosenByHand = true; chosenLab = byId("lab").value; draw(); });
  const source = new EventSource("/events");
  source.addEventListener("all", (event) => {
    const data = JSON.parse(event.data);
    labs = data.labs;
    byId("lab").replaceChildren(...labs.map((lab) => {
      const option = element("option", `${lab.number} ${lab.title}`);
      option.value = lab.name;
      return option;
    }));
    if (chosenLab) byId("lab").value = chosenLab;
    learners.clear();
    take(data);
    byId("state").textContent = "Live.";
    byId("state").className = "";
  });
  source.addEventListener("some", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    byId("state").textContent = "The board's server does not answer; this is what was last known. Trying again.";
    byId("state").className = "lost";
  });
  setInterval(draw, 10000);
}

begin();
