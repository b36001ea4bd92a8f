// Behaviour of the shell, all on data attributes: overlays, toasts, menus, copy, theme, selection, formsets.
// Pages work without it. Nothing is kept in browser storage; the theme is a cookie that the server reads.
const on = (type, selector, act) => document.addEventListener(type, (event) => {
  const found = event.target instanceof Element && event.target.closest(selector);
  if (found) act(found, event);
});
const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);
const closeMenus = (except) => each("details.menu[open]", (menu) => menu.contains(except) || (menu.open = false));

// --- The chosen one of many tabs stands in sight on a phone
const showTab = () => each(".tabs [aria-current]", (tab) => { tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 48; });
showTab();
document.addEventListener("htmx:afterSettle", showTab);

// --- Drawer and dialog: filled by htmx, opened here, closed by Esc, [data-close], the backdrop or the server
const openers = new WeakMap();
const isOverlay = (node) => node?.matches?.("dialog#drawer, dialog#dialog");
function closeOverlay(box, force = false) {
  if (force || !box.dataset.dirty || confirm("Leave without saving what you entered?")) box.close();
}
document.addEventListener("htmx:beforeRequest", ({ detail: { target, elt } }) => {
  if (elt.matches("form")) busy(elt, true);
  if (!isOverlay(target) || target.contains(elt)) return;
  openers.set(target, elt.closest("details.menu")?.querySelector("summary") ?? elt);
  closeMenus();
});
document.addEventListener("htmx:afterSwap", ({ detail: { target: box } }) => {
  if (!isOverlay(box) || !box.firstElementChild) return;
  if (!box.open) box.showModal();
  const title = box.querySelector("[data-overlay-title]");
  if (title) box.setAttribute("aria-labelledby", title.id = `${box.id}-title`);
  const field = ".overlay-body :is(input:not([type=hidden]), select, textarea):not(:disabled)";
  const wanted = ["[aria-invalid=true]", ".alert[role=alert]", field, ".overlay-foot :is(a, button)"];
  (wanted.map((selector) => box.querySelector(selector)).find(Boolean) ?? title)?.focus();
});
each("dialog", (box) => {
  box.addEventListener("close", () => { box.replaceChildren(); delete box.dataset.dirty; openers.get(box)?.focus(); });
  box.addEventListener("cancel", (event) => { event.preventDefault(); closeOverlay(box); });
  box.addEventListener("mousedown", (event) => event.target === box && closeOverlay(box));
});
on("click", "dialog [data-close]", (link, event) => { event.preventDefault(); closeOverlay(link.closest("dialog")); });
document.addEventListener("close-overlay", () => each("dialog[open]", (box) => closeOverlay(box, true)));

// --- Forms: unsaved changes are asked about; a submitting button keeps its width and says what it does
const page = { dirty: false }; // a form as a page of its own posts as a page; htmx starts after this line
each(".form-page form.overlay", (form) => ["hx-post", "hx-target"].forEach((name) => form.removeAttribute(name)));
on("input", "form[data-guard]", (form) => { (form.closest("dialog")?.dataset ?? page).dirty = "1"; });
addEventListener("beforeunload", (event) => page.dirty && event.preventDefault());
function busy(form, state) {
  each("[data-busy-text]", (button) => {
    if (state === (button.ariaBusy === "true")) return;
    button.style.minWidth = state ? `${button.offsetWidth}px` : "";
    if (state) button.dataset.text = button.innerHTML;
    button.innerHTML = state ? "" : button.dataset.text;
    if (state) button.textContent = button.dataset.busyText;
    button.ariaBusy = String(state);
  }, form);
}
on("submit", "form", (form, event) => {
  if (form.querySelector("[aria-busy=true]")) return event.preventDefault();
  page.dirty = false;
  if (!form.matches("[hx-post], [hx-get]")) setTimeout(() => busy(form, true)); // after the browser has read the pressed button's name and value
});
document.addEventListener("htmx:afterRequest", ({ detail: { elt } }) => elt.matches("form") && busy(elt, false));
addEventListener("pageshow", () => busy(document, false));

// --- Toasts; errors stay until they are closed
const region = document.getElementById("toasts");
const expire = (node) => node.dataset.kind === "error" || setTimeout(() => node.remove(), 6000);
function toast(text, kind = "success", undo = "") {
  const node = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  node.dataset.kind = kind;
  node.querySelector("p").textContent = text;
  const button = node.querySelector(".toast-undo");
  button.hidden = !undo;
  button.onclick = () => { node.remove(); htmx.ajax("POST", undo, { source: document.body, swap: "none" }); };
  region.append(node);
  if (region.children.length > 4) region.firstElementChild.remove();
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover(); // above an open dialog
  expire(node);
}
each("#toasts .toast", expire);
on("click", "[data-toast-close]", (button) => button.closest(".toast").remove());
document.addEventListener("toast", ({ detail }) => toast(detail.text, detail.kind, detail.undo_url));
document.addEventListener("htmx:sendError", () => toast("No connection to the server. Nothing was saved; try again.", "error"));
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (/"toast"/.test(xhr.getResponseHeader("HX-Trigger") ?? "")) return;
  const known = { 403: "You may not do this.", 404: "This no longer exists.", 429: "Too many requests. Wait a moment." };
  const reference = xhr.getResponseHeader("X-Request-Id");
  toast(known[xhr.status] ?? `Something went wrong. Try again.${reference ? ` Reference ${reference}` : ""}`, "error");
});

// --- Menus, and arrow keys among the [data-roving-item] of a [data-roving]
document.addEventListener("click", ({ target }) => closeMenus(target));
document.addEventListener("scroll", ({ target }) => document.querySelector("details.menu[data-floating]") && closeMenus(target), true);
document.addEventListener("toggle", ({ target: menu }) => {
  if (!menu.matches?.("details.menu")) return;
  const list = menu.querySelector(".menu-list"), at = menu.getBoundingClientRect();
  delete menu.dataset.floating; list.removeAttribute("style");
  if (!menu.open || !menu.closest(".table-wrap, .overlay-body")) return;
  menu.dataset.floating = ""; // out of the box that scrolls; above its button when there is no room below
  Object.assign(list.style, { position: "fixed", left: "auto", right: `${document.documentElement.clientWidth - at.right}px` });
  const up = at.bottom + list.offsetHeight + 8 > innerHeight && at.top > list.offsetHeight;
  list.style.top = `${up ? at.top - list.offsetHeight - 4 : at.bottom + 4}px`;
}, true);
document.addEventListener("keydown", (event) => {
  const { key, target } = event, menu = target.closest?.("details.menu"), typing = target.matches?.("input, textarea, select");
  if (key === "Escape") document.querySelector(".side.is-open + [data-burger-close]")?.click();
  if (key === "Escape" && menu?.open) { menu.open = false; menu.querySelector("summary").focus(); return event.preventDefault(); }
  const search = document.querySelector("[data-search]");
  if (key === "/" && search && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search.select(); }
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[key];
  const group = target.closest?.("[data-roving]") ?? (target.matches?.("summary") && menu?.querySelector("[data-roving]"));
  if (!step || !group || typing) return;
  event.preventDefault();
  if (menu) menu.open = true;
  const items = [...group.querySelectorAll("[data-roving-item]")];
  items[Math.max(0, Math.min(items.length - 1, items.indexOf(target) + step))]?.focus();
});

// --- Copy, theme, left menu on a phone, rows, selection
on("click", "[data-copy]", async ({ dataset, classList }) => {
  try { await navigator.clipboard.writeText(dataset.copy); } catch { return toast("The browser does not allow copying here.", "error"); }
  toast("Copied");
  classList.add("is-done");
  setTimeout(() => classList.remove("is-done"), 1500);
});
on("click", "[data-theme-choice]", (link, event) => {
  event.preventDefault();
  document.cookie = `theme=${link.dataset.themeChoice}; path=/; max-age=31536000; samesite=lax`;
  document.documentElement.dataset.theme = link.dataset.themeChoice;
  each("[data-theme-choice]", (other) => (other.ariaCurrent = other === link ? "true" : null));
  link.closest("details").querySelector("summary").replaceChildren(link.querySelector("svg").cloneNode(true));
  closeMenus();
});
on("click", "[data-burger], [data-burger-close]", (link, event) => {
  event.preventDefault();
  const side = document.getElementById("side"), open = link.matches("[data-burger]");
  side.classList.toggle("is-open", open);
  (open ? side.querySelector("summary, a") : document.querySelector("[data-burger]"))?.focus();
});
on("click", "tr[data-row]", (row, { target, ctrlKey, metaKey }) => {
  if (target.closest("a, button, input, label, summary, details") || String(getSelection())) return;
  row.querySelector("a.row-link")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey }));
});
on("change", "[data-check], [data-check-all]", (box) => {
  const list = box.closest("form") ?? box.closest("table"), all = list.querySelector("[data-check-all]"), rows = [...list.querySelectorAll("[data-check]")];
  if (box === all) rows.forEach((row) => (row.checked = all.checked));
  rows.forEach((row) => row.closest("tr").classList.toggle("is-selected", row.checked));
  const count = rows.filter((row) => row.checked).length;
  if (all) Object.assign(all, { checked: count === rows.length, indeterminate: count > 0 && count < rows.length });
  each("[data-bulk]", (bar) => bar.classList.toggle("is-on", count > 0), list);
  each("[data-bulk-count]", (span) => (span.textContent = count), list);
});
