// Rows of a formset: add, remove, renumber; Enter in the last row adds one.
const rowsOf = (set) => [...set.querySelectorAll("[data-formset-row]:not(.is-removed)")];
const firstField = (row) => [...(row?.querySelectorAll("input:not([type=hidden]), select, textarea") ?? [])].find((field) => field.offsetParent);

function renumber(set) {
  const prefix = set.dataset.formset, number = new RegExp(`${prefix}-(\\d+|__prefix__)-`, "g");
  const rows = set.querySelectorAll("[data-formset-row]");
  rows.forEach((row, index) => row.querySelectorAll("[name], [id], [for], [aria-describedby]").forEach((node) => {
    for (const key of ["name", "id", "for", "aria-describedby"]) {
      const value = node.getAttribute(key);
      if (value) node.setAttribute(key, value.replace(number, `${prefix}-${index}-`));
    }
  }));
  set.querySelector(`[name="${prefix}-TOTAL_FORMS"]`).value = rows.length;
  set.dispatchEvent(new Event("input", { bubbles: true })); // a live example listens to this
}
function add(set) {
  const row = set.querySelector("[data-formset-template]")?.content.firstElementChild.cloneNode(true);
  if (!row) return;
  set.querySelector("[data-formset-rows]").append(row);
  renumber(set);
  htmx.process(row);
  (row.previousElementSibling?.querySelector("[data-tier-to]") ?? firstField(row))?.focus();
}
function remove(set, row) {
  const rows = [...set.querySelectorAll("[data-formset-row]")];
  const saved = rows.indexOf(row) < Number(set.querySelector("[name$='-INITIAL_FORMS']").value);
  const box = row.querySelector("[name$='-DELETE']"), next = row.nextElementSibling ?? row.previousElementSibling;
  if (box && saved) { box.checked = true; row.classList.add("is-removed"); } else row.remove();
  renumber(set);
  (next?.querySelector("[data-formset-remove]") ?? set.querySelector("[data-formset-add]"))?.focus();
}
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-formset-add], [data-formset-remove]"), set = button?.closest("[data-formset]");
  if (set) button.matches("[data-formset-add]") ? add(set) : remove(set, button.closest("[data-formset-row]"));
});
// Enter goes to the next row or adds one; the arrows stay in their column.
document.addEventListener("keydown", (event) => {
  const field = event.target, set = field.matches?.("input") && field.closest("[data-formset]");
  const step = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!set || !step || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = rowsOf(set), at = rows.indexOf(field.closest("[data-formset-row]"));
  if (event.key === "Enter") {
    event.preventDefault();
    return at === rows.length - 1 ? add(set) : firstField(rows[at + 1])?.focus();
  }
  if (field.type === "number" || field.list) return; // there the arrows change the value
  const cell = field.closest("td"), beside = cell && rows[at + step]?.children[cell.cellIndex]?.querySelector("input");
  if (!beside?.offsetParent) return;
  event.preventDefault();
  beside.focus();
  beside.select?.();
});

// Tiers: each one starts where the one before ends; what ends nowhere yet shows "…", what ends before it starts is marked.
const DECIMAL = /^\d+(\.\d+)?$/;
document.addEventListener("input", ({ target }) => {
  const set = target.closest?.("[data-tiers]");
  let start = "0", before = -1;
  if (set) for (const row of rowsOf(set)) {
    row.querySelector("[data-tier-from]").textContent = start;
    const field = row.querySelector("[data-tier-to]"), end = field.value.trim(), open = row === rowsOf(set).at(-1);
    start = /^\d+$/.test(end) ? (BigInt(end) + 1n).toLocaleString("en") : DECIMAL.test(end) ? end : "…";
    const wrong = !open && end !== "" && !(DECIMAL.test(end) && Number(end) > before);
    wrong ? field.setAttribute("aria-invalid", "true") : field.removeAttribute("aria-invalid");
    field.title = !wrong ? "" : DECIMAL.test(end) ? `Has to be more than ${before}: the tier before ends there.` : "Has to be a number.";
    if (DECIMAL.test(end)) before = Number(end);
  }
});
