// Drawer and dialog, and forms: unsaved changes are asked about, a form is sent once.
const { on, each, closeMenus } = tarn;
const QUESTION = "Leave without saving what you entered?";

// --- Drawer and dialog: filled by htmx, opened here, closed by Esc, [data-close], the backdrop or the server
const openers = new WeakMap();
const isOverlay = (node) => node?.matches?.("dialog#drawer, dialog#dialog");
function closeOverlay(box, force = false) {
  if (force || !box.dataset.dirty || confirm(QUESTION)) box.close();
}
document.addEventListener("htmx:beforeRequest", (event) => {
  const { target, elt } = event.detail;
  if (isOverlay(target) && target.dataset.dirty && !elt.closest("form")) {
    if (!confirm(QUESTION)) return event.preventDefault(); // another link would replace what was typed
    delete target.dataset.dirty;
  }
  if (elt.matches("form")) busy(elt, true);
  if (!isOverlay(target) || target.contains(elt)) return;
  openers.set(target, elt.closest("details.menu")?.querySelector("summary") ?? (elt.closest("#palette") ? document.activeElement : elt));
  closeMenus();
  target.waiting = setTimeout(() => show(target, document.getElementById("overlay-loading").content.cloneNode(true)), 150);
});
function show(box, content) {
  box.replaceChildren(content);
  box.dataset.loading = "";
  if (!box.open) box.showModal();
}
document.addEventListener("htmx:afterRequest", ({ detail: { target: box, successful } }) => {
  if (!isOverlay(box)) return;
  clearTimeout(box.waiting);
  if (!successful && "loading" in box.dataset) box.close(); // the toast says why
});
document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => isOverlay(target) && clearTimeout(target.waiting));
document.addEventListener("htmx:afterSwap", ({ detail: { target: box } }) => {
  if (!isOverlay(box) || !box.firstElementChild) return;
  delete box.dataset.loading;
  if (!box.open) box.showModal();
  const title = box.querySelector("[data-overlay-title]");
  if (title) box.setAttribute("aria-labelledby", title.id = `${box.id}-title`);
  const field = ".overlay-body :is(input:not([type=hidden]), select, textarea):not(:disabled)";
  const wanted = ["[aria-invalid=true]", ".alert[role=alert]", "[data-read-first]", field, ".overlay-foot :is(a, button)"];
  (wanted.map((selector) => box.querySelector(selector)).find(Boolean) ?? title)?.focus();
});
each("dialog#drawer, dialog#dialog", (box) => {
  box.addEventListener("close", () => {
    if ("loading" in box.dataset && openers.get(box)) htmx.trigger(openers.get(box), "htmx:abort");
    box.replaceChildren();
    ["dirty", "loading"].forEach((name) => delete box.dataset[name]);
    box.removeAttribute("aria-labelledby");
    const opener = openers.get(box); // an entry of a list may have been swapped meanwhile
    (opener?.isConnected && opener !== document.body ? opener : document.getElementById("content"))?.focus({ preventScroll: true });
  });
  box.addEventListener("cancel", (event) => { event.preventDefault(); closeOverlay(box); });
  box.addEventListener("mousedown", (event) => event.target === box && closeOverlay(box));
});
on("click", "dialog [data-close]", (link, event) => { event.preventDefault(); closeOverlay(link.closest("dialog")); });
document.addEventListener("close-overlay", () => each("dialog[open]", (box) => closeOverlay(box, true)));

// --- Forms: unsaved changes are asked about; a submitting button keeps its width and says what it does
const page = { dirty: false }; // a form as a page of its own posts as a page; htmx starts after this line
each(".form-page form.overlay", (form) => ["hx-post", "hx-target"].forEach((name) => form.removeAttribute(name)));
on("input", "form[data-guard]", (form) => { (form.closest("dialog")?.dataset ?? page).dirty = "1"; });
addEventListener("beforeunload", (event) => (page.dirty || document.querySelector("dialog[data-dirty]")) && event.preventDefault());
document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr, elt } }) => {
  if (elt.matches("form") && xhr.status < 300) delete elt.closest("dialog")?.dataset.dirty; // saved; it may lead elsewhere now
});
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
const sent = new WeakSet(); // plain forms that change something and are on their way
on("submit", "form", (form, event) => {
  if (form.querySelector("[aria-busy=true]") || sent.has(form)) return event.preventDefault();
  page.dirty = false;
  if (form.matches("[hx-post], [hx-get]")) return;
  if (form.method === "post") { sent.add(form); setTimeout(() => sent.delete(form), 8000); } // a download stays here
  setTimeout(() => busy(form, true)); // after the browser has read the pressed button's name and value
});
document.addEventListener("htmx:afterRequest", ({ detail: { elt } }) => elt.matches("form") && busy(elt, false));
addEventListener("pageshow", ({ persisted }) => { busy(document, false); if (persisted) each("form", (form) => sent.delete(form)); });
