// Light, dark, or as the system has it; kept in this browser.

import { el } from "./dom.js";
import { field, select } from "./ui.js";

const NAME = "cairn.theme";

export function applyTheme(choice = localStorage.getItem(NAME) ?? "") {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
}

export function themeChoice() {
  const choice = select([["", "As the system"], ["light", "Light"], ["dark", "Dark"]], localStorage.getItem(NAME) ?? "");
  choice.addEventListener("change", () => {
    localStorage.setItem(NAME, choice.value);
    applyTheme(choice.value);
  });
  return el("div", {}, field("Appearance", choice));
}

applyTheme();
