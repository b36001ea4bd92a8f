// Behaviour of the shell, all on data attributes: overlays, toasts, menus, copy, theme, formsets, selection.
// Pages work without it. Nothing is kept in browser storage; the theme is a cookie that the server reads.
const on = (type, selector, act) => document.addEventListener(type, (event) => {
  const found = event.target instanceof Element && event.target.closest(selector);
  if (found) act(found, event);
});
const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

// --- Drawer and dialog: filled by htmx, opened here, closed by Esc, [data-close], the backdrop or the server
const openers = new WeakMap();
const isOverlay = (node) => node?.id === "drawer" || node?.id === "dialog";
function closeOverlay(box, force = false) {
  if (!force && box.dataset.dirty && !confirm("Leave without saving what you entered?")) return;
  delete box.dataset.dirty;
  box.close();
}
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (isOverlay(detail.target) && !detail.target.contains(detail.elt)) {
    openers.set(detail.target, detail.elt.closest("details.menu")?.querySelector("summary") ?? detail.elt);
    each("details.menu[open]", (menu) => (menu.open = false));
  }
});
document.addEventListener("htmx:afterSwap", ({ detail: { target: box } }) => {
  if (!isOverlay(box) || !box.firstElementChild) return;
  if (!box.open) box.showModal();
  const title = box.querySelector("[data-overlay-title]");
  if (title) { title.id = `${box.id}-title`; box.setAttribute("aria-labelledby", title.id); }
  const fields = ":is(input:not([type=hidden]), select, textarea):not(:disabled)";
  const first = box.querySelector("[aria-invalid=true], .alert[role=alert]") ?? box.querySelector(`.overlay-body ${fields}`);
  (first ?? box.querySelector(".overlay-foot a, .overlay-foot button") ?? title)?.focus();
});
each("dialog", (box) => {
  box.addEventListener("close", () => { box.replaceChildren(); openers.get(box)?.isConnected && openers.get(box).focus(); });
  box.addEventListener("cancel", (event) => { event.preventDefault(); closeOverlay(box); });
  box.addEventListener("mousedown", (event) => event.target === box && closeOverlay(box));
});
on("click", "dialog [data-close]", (link, event) => { event.preventDefault(); closeOverlay(link.closest("dialog")); });
document.addEventListener("close-overlay", () => each("dialog[open]", (box) => closeOverlay(box, true)));

// --- Unsaved changes in guarded forms, in an overlay or as a page
let dirtyPage = false;
on("input", "form[data-guard]", (form) => { const box = form.closest("dialog"); if (box) box.dataset.dirty = "1"; else dirtyPage = true; });
addEventListener("beforeunload", (event) => { if (dirtyPage) event.preventDefault(); });

// --- A submitting button keeps its width and says what it does; a second submit is dropped
function busy(form, state) {
  each("[data-busy-text]", (button) => {
    if (state === (button.getAttribute("aria-busy") === "true")) return;
    button.style.minWidth = state ? `${button.offsetWidth}px` : "";
    if (state) button.dataset.text = button.innerHTML;
    if (state) button.textContent = button.dataset.busyText; else button.innerHTML = button.dataset.text;
    button.setAttribute("aria-busy", state);
  }, form);
}
on("submit", "form", (form, event) => {
  if (form.querySelector("[aria-busy=true]")) return event.preventDefault();
  dirtyPage = false;
  setTimeout(() => event.defaultPrevented && !form.matches("[hx-post], [hx-get]") || busy(form, true));
});
document.addEventListener("htmx:afterRequest", ({ detail }) => detail.elt.matches("form") && busy(detail.elt, false));
addEventListener("pageshow", () => each("form", (form) => busy(form, false)));

// --- Toasts; errors stay until they are closed
const region = document.getElementById("toasts");
const expire = (node) => node.dataset.kind !== "error" && setTimeout(() => node.remove(), 6000);
function toast({ text, kind = "success", undo_url: undo }) {
  const node = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  node.dataset.kind = kind;
  node.querySelector("p").textContent = text;
  if (undo) {
    const button = node.querySelector(".toast-undo");
    button.hidden = false;
    button.onclick = () => { node.remove(); htmx.ajax("POST", undo, { source: document.body, swap: "none" }); };
  }
  region.append(node);
  while (region.children.length > 4) region.firstElementChild.remove();
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover(); // above an open dialog
  expire(node);
}
if (region) each(".toast", expire, region);
document.addEventListener("toast", ({ detail }) => toast(detail));
on("click", "[data-toast-close]", (button) => button.closest(".toast").remove());
document.addEventListener("htmx:sendError", () => toast({ kind: "error", text: "No connection to the server. Nothing was saved; try again." }));
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (/"toast"/.test(xhr.getResponseHeader("HX-Trigger") ?? "")) return;
  const text = { 403: "You may not do this.", 404: "This no longer exists.", 429: "Too many requests. Wait a moment." }[xhr.status];
  toast({ kind: "error", text: text ?? `Something went wrong (${xhr.status}). Try again. Reference ${xhr.getResponseHeader("X-Request-Id") ?? "unknown"}` });
});

// --- Menus, and arrow keys in every group of [data-roving-item]
document.addEventListener("click", ({ target }) => each("details.menu[open]", (menu) => menu.contains(target) || (menu.open = false)));
document.addEventListener("scroll", ({ target }) => each("details.menu[data-floating]", (menu) => menu.contains(target) || (menu.open = false)), true);
document.addEventListener("toggle", ({ target: menu }) => {
  if (!menu.matches?.("details.menu")) return;
  const list = menu.querySelector(".menu-list"), at = menu.getBoundingClientRect();
  delete menu.dataset.floating;
  list.removeAttribute("style");
  if (!menu.open || !menu.closest(".table-wrap, .overlay-body")) return;
  menu.dataset.floating = ""; // out of the box that scrolls, above the button when there is no room below
  Object.assign(list.style, { position: "fixed", right: `${document.documentElement.clientWidth - at.right}px`, left: "auto" });
  const up = at.bottom + list.offsetHeight + 8 > innerHeight && at.top > list.offsetHeight;
  list.style.top = `${up ? at.top - list.offsetHeight - 4 : at.bottom + 4}px`;
}, true);
document.addEventListener("keydown", (event) => {
  const { key, target } = event, menu = target.closest?.("details.menu");
  if (key === "Escape" && menu?.open) { menu.open = false; menu.querySelector("summary").focus(); return event.preventDefault(); }
  if (key === "/" && !target.matches("input, textarea, select, [contenteditable]") && !event.ctrlKey && !event.metaKey) {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[key];
  const group = target.closest?.("[data-roving]") ?? (target.matches?.("summary") && menu?.querySelector("[data-roving]"));
  if (!step || !group || target.matches("input, textarea, select")) return;
  event.preventDefault();
  if (menu) menu.open = true;
  const items = [...group.querySelectorAll("[data-roving-item]")], now = items.indexOf(target);
  items[Math.max(0, Math.min(items.length - 1, now + step))]?.focus();
});

// --- Small ones: copy, theme, left menu on a phone, row click, selection
on("click", "[data-copy]", async (button) => {
  try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return toast({ kind: "error", text: "The browser does not allow copying here." }); }
  button.classList.add("is-done");
  setTimeout(() => button.classList.remove("is-done"), 1500);
  toast({ text: "Copied" });
});
on("click", "[data-theme-choice]", (link, event) => {
  event.preventDefault();
  const theme = link.dataset.themeChoice, root = document.documentElement;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  if (theme === "system") delete root.dataset.theme; else root.dataset.theme = theme;
  const menu = link.closest("details");
  each("[data-theme-choice]", (other) => other === link ? other.setAttribute("aria-current", "true") : other.removeAttribute("aria-current"));
  menu.querySelector("summary").replaceChildren(link.querySelector("svg").cloneNode(true));
  menu.open = false;
});
on("click", "[data-burger], [data-burger-close]", (link, event) => { event.preventDefault(); document.getElementById("side").classList.toggle("is-open", link.matches("[data-burger]")); });
on("click", "tr[data-row]", (row, event) => {
  if (event.target.closest("a, button, input, label, summary, details") || String(getSelection())) return;
  row.querySelector("a.row-link")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: event.ctrlKey, metaKey: event.metaKey }));
});
on("change", "[data-check], [data-check-all]", (box) => {
  const table = box.closest("table"), all = table.querySelector("[data-check-all]"), rows = [...table.querySelectorAll("[data-check]")];
  if (box === all) rows.forEach((row) => (row.checked = all.checked));
  rows.forEach((row) => row.closest("tr").classList.toggle("is-selected", row.checked));
  const count = rows.filter((row) => row.checked).length;
  if (all) { all.checked = count > 0 && count === rows.length; all.indeterminate = count > 0 && count < rows.length; }
  each("[data-bulk]", (bar) => { bar.classList.toggle("is-on", count > 0); each("[data-bulk-count]", (span) => (span.textContent = count), bar); }, box.closest("form") ?? document);
});

// --- Formsets: add, remove, renumber; Enter in the last row adds one
function renumber(set) {
  const prefix = set.dataset.formset, rows = set.querySelectorAll("[data-formset-row]");
  rows.forEach((row, index) => each("[name], [id], [for], [aria-describedby]", (node) => ["name", "id", "for", "aria-describedby"].forEach((key) => {
    const value = node.getAttribute(key);
    if (value) node.setAttribute(key, value.replaceAll(new RegExp(`${prefix}-(\\d+|__prefix__)-`, "g"), `${prefix}-${index}-`));
  }), row));
  set.querySelector(`[name="${prefix}-TOTAL_FORMS"]`).value = rows.length;
  set.dispatchEvent(new Event("input", { bubbles: true }));
}
function addRow(set) {
  set.querySelector("[data-formset-rows]").append(set.querySelector("[data-formset-template]").content.cloneNode(true));
  renumber(set);
  const row = [...set.querySelectorAll("[data-formset-row]")].at(-1);
  htmx.process(row);
  row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}
on("click", "[data-formset-add]", (button) => addRow(button.closest("[data-formset]")));
on("click", "[data-formset-remove]", (button) => {
  const set = button.closest("[data-formset]"), row = button.closest("[data-formset-row]"), kept = row.querySelector("[name$='-DELETE']");
  const next = row.nextElementSibling ?? row.previousElementSibling;
  const saved = [...set.querySelectorAll("[data-formset-row]")].indexOf(row) < Number(set.querySelector("[name$='-INITIAL_FORMS']").value);
  if (kept && saved) { kept.checked = true; row.classList.add("is-removed"); } else row.remove();
  renumber(set);
  (next?.querySelector("[data-formset-remove]") ?? set.querySelector("[data-formset-add]"))?.focus();
});
on("keydown", "[data-formset] input", (input, event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const set = input.closest("[data-formset]"), rows = [...set.querySelectorAll("[data-formset-row]:not(.is-removed)")];
  const at = rows.indexOf(input.closest("[data-formset-row]"));
  if (at === rows.length - 1) { if (set.querySelector("[data-formset-template]")) addRow(set); } else rows[at + 1].querySelector("input:not([type=hidden]), select")?.focus();
});
