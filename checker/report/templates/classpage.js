"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const table = document.querySelector(".heat tbody");
  const rows = table ? all("tr", table) : [];
  const sections = new Map(all("section.learner").map((section) => [section.id, section]));
  const learnerOf = (row) => sections.get(row.dataset.row);
  const bar = document.getElementById("tools");
  if (!table || !bar) return;
  bar.hidden = false;

  // Filter: the table and the learners below show the same people.
  const find = document.getElementById("find"), show = document.getElementById("show"), count = document.getElementById("count");
  const matches = (row) => {
    const text = find.value.trim().toLowerCase(), wanted = show.value;
    if (text && !row.dataset.who.includes(text)) return false;
    return !wanted || row.dataset.tags.split(" ").includes(wanted);
  };
  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      const keep = matches(row);
      row.hidden = !keep;
      learnerOf(row).hidden = !keep;
      shown += keep;
    }
    count.textContent = `${shown} of ${rows.length} learners`;
  };
  find.addEventListener("input", filter);
  show.addEventListener("change", filter);

  // Sort by a column's heading: once up, once down. Learners below follow.
  const value = (row, column) => {
    const cell = row.children[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.sort);
  };
  const home = document.getElementById("learners");
  for (const button of all(".heat thead button")) {
    button.addEventListener("click", () => {
      const heading = button.closest("th"), column = [...heading.parentElement.children].indexOf(heading);
      const down = heading.getAttribute("aria-sort") === (column ? "descending" : "ascending");
      const order = column ? (down ? "ascending" : "descending") : down ? "descending" : "ascending";
      for (const other of all(".heat thead th[aria-sort]")) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
      const sorted = [...rows].sort((a, b) => sign * compare(value(a, column), value(b, column)));
      table.append(...sorted);
      home.append(...sorted.map(learnerOf));
    });
  }

  // Collapse and expand.
  const bodies = () => all("details.body");
  document.getElementById("expand").addEventListener("click", () => bodies().forEach((one) => (one.open = true)));
  document.getElementById("collapse").addEventListener("click", () => bodies().forEach((one) => (one.open = false)));
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const inner = target.querySelector(":scope > details.body");
    if (inner) inner.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();

  // Comments and points by hand: kept in the page until they are saved as a file.
  let unsaved = false;
  const said = document.getElementById("saved");
  const fields = () => all("[data-mark]");
  const collect = () => {
    const learners = {};
    for (const field of fields()) {
      const text = field.value.trim();
      if (!text) continue;
      const who = field.closest("[data-learner]").dataset.learner;
      const learner = (learners[who] = learners[who] || {});
      const step = field.closest("[data-step]");
      if (!step) { learner.comment = text; continue; }
      const labs = (learner.labs = learner.labs || {});
      const lab = (labs[step.dataset.lab] = labs[step.dataset.lab] || {});
      (lab[step.dataset.step] = lab[step.dataset.step] || {})[field.dataset.mark] = text;
    }
    return { schema: "registry-lab/marks", version: 1, report: document.body.dataset.report, learners };
  };
  addEventListener("input", (event) => {
    if (!event.target.dataset || !event.target.dataset.mark) return;
    unsaved = true;
    said.textContent = "Not saved yet.";
  });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  document.getElementById("save").addEventListener("click", () => {
    const wrong = fields().find((field) => !field.checkValidity());
    if (wrong) { for (let at = wrong; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true; wrong.reportValidity(); return; }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(collect(), null, 1) + "\n"], { type: "application/json" }));
    link.download = "marks.json";
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
    said.textContent = "Saved as marks.json. Next: lab report REPORT.json --marks marks.json --feedback FOLDER";
  });
  document.getElementById("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    try {
      const marks = JSON.parse(await file.text());
      if (marks.schema !== "registry-lab/marks") throw new Error("it is no file of comments and points");
      let lost = 0;
      const places = new Map(all("[data-learner]").map((place) => [place.dataset.learner, place]));
      const put = (field, text) => { if (field && text) field.value = text; else if (text) lost += 1; };
      for (const [who, learner] of Object.entries(marks.learners || {})) {
        const place = places.get(who);
        put(place && place.querySelector(".by-hand > label > [data-mark=comment]"), learner.comment);
        for (const [lab, steps] of Object.entries(learner.labs || {}))
          for (const [name, mark] of Object.entries(steps)) {
            const step = place && all("[data-step]", place).find((one) => one.dataset.lab === lab && one.dataset.step === name);
            put(step && step.querySelector("[data-mark=points]"), mark.points);
            put(step && step.querySelector("[data-mark=comment]"), mark.comment);
          }
      }
      said.textContent = lost ? `Loaded; ${lost} entries are of nobody in this report.` : "Loaded.";
    } catch (error) {
      said.textContent = `Not loaded: ${error.message}.`;
    }
    event.target.value = "";
  });
  filter();
})();
