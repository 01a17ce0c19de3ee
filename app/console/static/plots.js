// Plots of scores from 0 to 1, drawn as SVG. What they show is said in words too, for who does not see them.

import { svg } from "./dom.js";

const WIDTH = 360;
const HEIGHT = 160;
const LEFT = 34;
const BOTTOM = 24;
const TOP = 10;

const across = (at, of) => LEFT + (WIDTH - LEFT - 12) * (of < 2 ? 0.5 : at / (of - 1));
const down = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value);

/** A measure over runs: [{label, value}], oldest first; a null value is a gap. */
export function curve(name, points) {
  const known = points.map((point, at) => ({ ...point, x: across(at, points.length) })).filter((point) => point.value !== null);
  const said = known.map((point) => `${point.label}: ${point.value.toFixed(2)}`).join("; ");
  return frame(
    `${name}, ${said}`,
    svg("polyline", { class: "curve", points: known.map((point) => `${point.x},${down(point.value)}`).join(" ") }),
    known.map((point) => svg("circle", { class: "dot", cx: point.x, cy: down(point.value), r: 3 }, svg("title", {}, `${point.label}: ${point.value.toFixed(3)}`))),
    points.length > 0 && [svg("text", { x: LEFT, y: HEIGHT - 6 }, points[0].label), svg("text", { x: WIDTH - 12, y: HEIGHT - 6, "text-anchor": "end" }, points.at(-1).label)],
  );
}

/** Measures beside each other: [{label, value}]. */
export function columns(name, bars) {
  const room = (WIDTH - LEFT - 12) / Math.max(1, bars.length);
  return frame(
    `${name}: ${bars.map((bar) => `${bar.label} ${bar.value.toFixed(2)}`).join("; ")}`,
    bars.map((bar, at) => {
      const x = LEFT + at * room + room * 0.2;
      return [
        svg("rect", { class: "column", x, y: down(bar.value), width: room * 0.6, height: HEIGHT - BOTTOM - down(bar.value), rx: 3 }, svg("title", {}, `${bar.label}: ${bar.value.toFixed(3)}`)),
        svg("text", { x: x + room * 0.3, y: HEIGHT - 8, "text-anchor": "middle" }, bar.label.slice(0, Math.floor(room / 6))),
      ];
    }),
  );
}

function frame(label, ...content) {
  const lines = [0, 0.5, 1].map((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: down(value), y2: down(value) }),
    svg("text", { x: LEFT - 6, y: down(value) + 4, "text-anchor": "end" }, value.toFixed(1)),
  ]);
  return svg("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, lines, ...content);
}
