// Behaviour of the shell, all on data attributes: toasts, menus, copy, theme, left menu, rows and selection.
// Pages work without it. Nothing is kept in browser storage; the theme and the keys are cookies that the server reads.
// The other files use what stands in `tarn`: drawers and forms overlays.js, Ctrl-K palette.js, single keys keys.js.
const on = (type, selector, act) => document.addEventListener(type, (event) => {
  const found = event.target instanceof Element && event.target.closest(selector);
  if (found) act(found, event);
});
const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);
const closeMenus = (except) => each("details.menu[open]", (menu) => menu.contains(except) || (menu.open = false));
const setCookie = (name, value) => (document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`);

// --- The chosen one of many tabs stands in sight on a phone
const showTab = () => each(".tabs [aria-current]", (tab) => { tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 48; });
showTab();
document.addEventListener("htmx:afterSettle", showTab);

// --- Toasts; errors stay until they are closed, the others while somebody points at them
const region = document.getElementById("toasts");
const expire = (node) => node.dataset.kind === "error" || setTimeout(() => (node.matches(":hover, :focus-within") ? expire(node) : node.remove()), 6000);
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
addEventListener("load", () => each("#toasts .toast", expire)); // its time begins when there is a page to read it on
on("click", "[data-toast-close]", (button) => button.closest(".toast").remove());
document.addEventListener("toast", ({ detail }) => toast(detail.text, detail.kind, detail.undo_url));

// --- Requests: a line at the top while one takes long; failures in words
let running = 0;
const progress = (step) => { running = Math.max(0, running + step); document.documentElement.toggleAttribute("data-loading", running > 0); };
const quiet = (elt) => elt.matches?.("[data-quiet], [hx-trigger*='every']");
document.addEventListener("htmx:beforeSend", ({ detail: { elt, xhr } }) => {
  if (quiet(elt)) return;
  progress(1);
  xhr.addEventListener("loadend", () => progress(-1)); // also of one that was given up
});
addEventListener("beforeunload", () => { progress(1); setTimeout(() => progress(-1), 4000); }); // a download does not leave
addEventListener("pageshow", () => { running = 0; progress(0); });
document.addEventListener("htmx:sendError", ({ detail: { elt } }) => quiet(elt) || toast("No connection to the server. Nothing was saved; what you typed is still here. Try again.", "error"));
addEventListener("offline", () => toast("You are offline. What you see may be out of date.", "warning"));
addEventListener("online", () => toast("You are online again.", "info"));
document.addEventListener("htmx:responseError", ({ detail: { xhr, elt } }) => {
  if (quiet(elt) || /"toast"/.test(xhr.getResponseHeader("HX-Trigger") ?? "")) return;
  const known = { 403: "You may not do this.", 404: "This no longer exists.", 409: "Somebody else changed this meanwhile. Load the page again.", 429: "Too many requests. Wait a moment." };
  const reference = xhr.getResponseHeader("X-Request-Id");
  toast(known[xhr.status] ?? `Something went wrong on our side. Nothing was saved halfway; try again.${reference ? ` Reference ${reference}` : ""}`, "error");
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
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[key];
  const group = target.closest?.("[data-roving]") ?? (target.matches?.("summary") && menu?.querySelector("[data-roving]"));
  if (!step || !group || typing) return;
  event.preventDefault();
  if (menu) menu.open = true;
  const items = [...group.querySelectorAll("[data-roving-item]")];
  items[Math.max(0, Math.min(items.length - 1, items.indexOf(target) + step))]?.focus();
});

// --- Copy, theme
on("click", "[data-copy]", async ({ dataset, classList }) => {
  try { await navigator.clipboard.writeText(dataset.copy); } catch { return toast("The browser does not allow copying here.", "error"); }
  toast("Copied");
  classList.add("is-done");
  setTimeout(() => classList.remove("is-done"), 1500);
});
on("click", "[data-theme-choice]", (link, event) => {
  event.preventDefault();
  setCookie("theme", link.dataset.themeChoice);
  document.documentElement.dataset.theme = link.dataset.themeChoice;
  each("[data-theme-choice]", (other) => (other.ariaCurrent = other === link ? "true" : null));
  link.closest("details").querySelector("summary").replaceChildren(link.querySelector("svg").cloneNode(true));
  closeMenus();
});

// --- Left menu on a narrow window: while it is open the rest cannot be reached
function openSide(open) {
  const side = document.getElementById("side");
  side.classList.toggle("is-open", open);
  each(".main, .skip", (node) => (node.inert = open));
  (open ? side.querySelector("summary, a") : document.querySelector("[data-burger]"))?.focus();
}
on("click", "[data-burger], [data-burger-close]", (link, event) => { event.preventDefault(); openSide(link.matches("[data-burger]")); });
matchMedia("(min-width: 64rem)").addEventListener("change", ({ matches }) => matches && document.querySelector(".side.is-open") && openSide(false));

// --- Rows follow their link; boxes select them
on("click", "tr[data-row]", (row, { target, ctrlKey, metaKey }) => {
  if (target.closest("a, button, input, label, summary, details") || String(getSelection())) return;
  row.querySelector("a.row-link")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey }));
});
on("change", "[data-check], [data-check-all]", (box) => {
  const list = box.closest("[data-selection], form") ?? box.closest("table"), all = list.querySelector("[data-check-all]"), rows = [...list.querySelectorAll("[data-check]")];
  if (box === all) rows.forEach((row) => (row.checked = all.checked));
  rows.forEach((row) => row.closest("tr").classList.toggle("is-selected", row.checked));
  const count = rows.filter((row) => row.checked).length;
  if (all) Object.assign(all, { checked: count === rows.length, indeterminate: count > 0 && count < rows.length });
  each("[data-bulk]", (bar) => bar.classList.toggle("is-on", count > 0), list);
  each("[data-bulk-count]", (span) => (span.textContent = count), list);
});

globalThis.tarn = { on, each, toast, closeMenus, setCookie };
