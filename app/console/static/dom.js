// Elements from words. Text is only ever text: nothing in the console turns a string into markup.

const NS = "http://www.w3.org/2000/svg";

/** An element. `properties`: attributes; `class`; `on` = {event: listener}; `data` = {name: value}. Null and false are left out. */
export function el(tag, properties = {}, ...children) {
  return dressed(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return dressed(document.createElementNS(NS, tag), properties, children);
}

/** Puts these in place of whatever was there. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(shown));
  return parent;
}

export function byId(id) {
  return document.getElementById(id);
}

let ids = 0;

/** An id that nothing else on the page has. */
export function newId(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}

function dressed(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(shown));
  return element;
}

function shown(child) {
  return child !== null && child !== undefined && child !== false;
}
