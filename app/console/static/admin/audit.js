// Audit: who did what, newest first, in a signed chain.

import { get } from "../api.js";
import { el, fill } from "../dom.js";
import { badge, button, empty, facts, failure, loaded, table } from "../ui.js";
import * as words from "../words.js";

const A_PAGE = 100;

export function auditView(place) {
  loaded(place, async () => {
    const head = await get("/v1/admin/audit/head");
    const rows = el("div", { class: "stack" });
    const end = el("div", {});
    let last = head.number;
    async function more() {
      const first = Math.max(0, last - A_PAGE);
      try {
        const text = await get("/v1/admin/audit", { after: first });
        const found = text.split("\n").filter(Boolean).map((line) => JSON.parse(line)).filter((row) => row.number <= last);
        if (found.length) rows.append(table(`Rows ${first + 1} to ${last}`, ["No.#", "When", "Who", "What", "On", "Outcome"], found.reverse().map(cells)));
        else fill(rows, empty("Nothing recorded yet", ""));
        last = first;
        fill(end, last > 0 && button("Show earlier", more));
      } catch (error) {
        fill(end, failure(error, more));
      }
    }
    await more();
    return el(
      "div", { class: "stack" },
      el("section", { class: "panel stack" },
        facts([["Rows", words.number(head.number)], ["The last one's digest", el("span", { class: "mono" }, head.digest)], ["Signed", head.signature ? `${head.signature.algorithm}, key ${head.signature.key_id}` : "nothing to sign yet"]]),
        el("p", { class: "soft small" }, el("code", {}, "cairn audit verify"), " checks the whole chain: any row that was changed, taken out or moved is named.")),
      rows,
      end,
    );
  });
}

function cells(row) {
  const on = Object.values(row.targets).flat().join(", ");
  return [String(row.number), words.time(row.at), row.user_id, row.action, on, badge(row.outcome === "denied" ? "failed" : "ok", words.sentence(row.outcome))];
}
