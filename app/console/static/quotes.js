// Quotes as people read them.

/** A quote as people read it: a table's row without the bars between its cells. */
export function readable(quote) {
  return quote.replaceAll(/^\s*\|(.*)\|\s*$/gm, (_, cells) => cells.split("|").map((cell) => cell.trim()).join(" · "));
}
