// Single keys: ? help, / search, g then a letter for a page, j and k in a list, x selects, c creates.
// They are off while one types, while a drawer is open, and when the person has switched them off (a cookie).
const { on, each, setCookie } = tarn;
const help = document.getElementById("keys");
const root = document.documentElement;
const enabled = () => root.dataset.keys !== "off";
const typing = (node) => node.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
let went = 0; // when g was pressed

const rows = () => [...document.querySelectorAll("main .table tbody tr")].filter((row) => row.offsetParent && row.querySelector("a.row-link"));
function step(by) {
  const all = rows(), at = all.findIndex((row) => row.contains(document.activeElement));
  const row = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by))];
  row?.querySelector("a.row-link").focus();
  row?.scrollIntoView({ block: "nearest" });
}
const KEYS = {
  "?": () => help?.showModal(),
  "/": () => {
    const field = document.querySelector("main [data-search]");
    if (field?.offsetParent) field.select(); else tarn.openPalette?.();
  },
  j: () => step(1),
  k: () => step(-1),
  x: () => {
    const box = document.activeElement.closest?.("tr")?.querySelector("[data-check]");
    box?.click();
    return Boolean(box);
  },
  c: () => {
    const button = document.querySelector("[data-key-create]") ?? document.querySelector(".page-actions a[href$='/add']");
    button?.click();
    return Boolean(button);
  },
};
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(target)) return;
  if (document.querySelector("dialog[open], .side.is-open")) return;
  if (Date.now() - went < 1500) {
    went = 0;
    const link = document.querySelector(`a[data-go="${CSS.escape(key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  if (key === "g") { went = Date.now(); return; }
  if (Object.hasOwn(KEYS, key) && KEYS[key]() !== false) event.preventDefault();
});
on("click", "[data-keys-help]", (link, event) => { event.preventDefault(); help?.showModal(); });
if (help) {
  help.addEventListener("mousedown", (event) => event.target === help && help.close());
  each("[data-keys-switch]", (box) => box.addEventListener("change", () => {
    root.dataset.keys = box.checked ? "on" : "off";
    setCookie("keys", root.dataset.keys);
  }), help);
}
