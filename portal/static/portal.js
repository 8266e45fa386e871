"use strict";
// Improves the pages; without it everything works, with one page more before an unlock.

const form = document.getElementById("list");
const dialog = document.getElementById("dialog");
const selected = document.getElementById("selected");
const ticks = form ? [...form.querySelectorAll('input[name="user"]')] : [];

let asked = null;

function count() {
  const number = ticks.filter((tick) => tick.checked).length;
  if (selected) selected.textContent = number ? form.dataset.selected.replace("#", number) : "";
  return number;
}

async function ask(event) {
  event.preventDefault();
  if (!count()) {
    selected.textContent = form.dataset.nobody;
    return;
  }
  asked = event.submitter || document.getElementById("unlock");
  const action = asked.getAttribute("formaction") || form.getAttribute("action");
  const address = `${action}?${new URLSearchParams(new FormData(form))}`;
  const answer = await fetch(address, { credentials: "same-origin" });
  const text = new DOMParser().parseFromString(await answer.text(), "text/html");
  const content = text.getElementById("confirm");
  if (!answer.ok || !content) {
    window.location.assign(address);
    return;
  }
  dialog.replaceChildren(document.importNode(content, true));
  dialog.querySelector("#cancel").addEventListener("click", (click) => {
    click.preventDefault();
    dialog.close();
  });
  dialog.showModal();
  (dialog.querySelector("[required]") || dialog.querySelector("#confirm-button")).focus();
}

if (form && dialog && selected) {
  const all = document.getElementById("all");
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    count();
  });
  for (const tick of ticks) tick.addEventListener("change", count);
  form.addEventListener("submit", ask);
  dialog.addEventListener("close", () => asked.focus());
  count();
}

// WCAG 1.4.13: what shows on hover or focus can be dismissed without moving either.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const tip of document.querySelectorAll(".tip")) tip.classList.add("closed");
  }
});
for (const tip of document.querySelectorAll(".tip")) {
  for (const again of ["pointerenter", "focusin"]) tip.addEventListener(again, () => tip.classList.remove("closed"));
}
