// The parts of a long form: the one that is on the screen is marked in the list beside it.
const marked = (link) => document.querySelectorAll("[data-tree] a").forEach((each) =>
  each === link ? each.setAttribute("aria-current", "true") : each.removeAttribute("aria-current"));
function mark() {
  const links = [...document.querySelectorAll("[data-tree] a")];
  const above = links.filter((link) => {
    const part = document.getElementById(link.hash.slice(1));
    return part && part.getBoundingClientRect().top < innerHeight / 3;
  });
  const bottom = innerHeight + scrollY >= document.documentElement.scrollHeight - 4;
  marked(bottom && scrollY > 0 ? links.at(-1) : above.at(-1) ?? links[0]);
}
let asked = false;
const soon = () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; mark(); }); } };
if (document.querySelector("[data-tree]")) {
  addEventListener("scroll", soon, { passive: true });
  document.addEventListener("htmx:afterSettle", soon);
  mark();
}
