// The command palette: Ctrl-K or the field in the top row. The server finds; here are only the keys of a combobox.
const { on } = tarn;
const box = document.getElementById("palette");
if (box) {
  const input = box.querySelector("[role=combobox]"), list = box.querySelector("[role=listbox]"), count = box.querySelector("[role=status]");
  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
  const active = () => list.querySelector("[aria-selected=true]");
  let asked = "", answered = "", hurried = null; // Enter before the answer to what was typed waits for it
  function choose(option) {
    active()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id); else input.removeAttribute("aria-activedescendant");
  }
  function open(text = "") {
    if (document.querySelector("dialog[open]") && !box.open) return;
    tarn.closeMenus();
    answered = hurried = null;
    list.replaceChildren(); // not on closing: the one that was chosen is still asking the server
    if (!box.open) box.showModal();
    input.value = text;
    htmx.trigger(input, "palette-open");
    input.focus();
  }
  tarn.openPalette = open;
  const follow = (option, { ctrlKey, metaKey, shiftKey } = {}) => option?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));

  input.addEventListener("htmx:beforeRequest", () => { asked = input.value; });
  list.addEventListener("htmx:afterSettle", () => { // not on the swap: until then a link is not yet htmx's
    answered = asked;
    choose(options()[0]);
    const found = options().length;
    input.setAttribute("aria-expanded", String(found > 0));
    count.textContent = found ? `${found} result${found === 1 ? "" : "s"}` : "Nothing found";
    if (hurried && answered === input.value) follow(active(), hurried);
    if (answered === input.value) hurried = null;
  });
  input.addEventListener("keydown", (event) => {
    const all = options(), at = all.indexOf(active());
    const next = { ArrowDown: at + 1 < all.length ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : all.length - 1, PageDown: Math.min(at + 8, all.length - 1), PageUp: Math.max(at - 8, 0) }[event.key];
    if (next !== undefined) { event.preventDefault(); choose(all[next]); }
    if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); if (answered === input.value) follow(active(), event); else hurried = event; }
  });
  list.addEventListener("pointermove", ({ target }) => { const option = target.closest("[role=option]:not([aria-disabled])"); if (option && option !== active()) choose(option); });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the field
  list.addEventListener("click", ({ target, ctrlKey, metaKey }) => {
    if (target.closest("[role=option]") && !ctrlKey && !metaKey) box.close(); // before htmx opens a drawer over it
  }, true);
  box.addEventListener("mousedown", (event) => event.target === box && box.close());
  input.addEventListener("input", () => { hurried = null; });
  box.addEventListener("close", () => { input.value = ""; hurried = null; choose(null); input.setAttribute("aria-expanded", "false"); });
  box.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  on("click", "[data-palette]", (link, event) => { if (event.ctrlKey || event.metaKey) return; event.preventDefault(); open(); });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (box.open) box.close(); else open();
  });
}
