// Server-sent events over fetch (WHATWG HTML, 9.2), because EventSource cannot send a key.

/** {name, data, id} of each event of a response; data is parsed JSON. Ends with the stream, raises where the connection breaks. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = fresh();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.lines.length) yield { name: event.name, data: JSON.parse(event.lines.join("\n")), id: event.id };
          event = fresh();
        } else read(line, event);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function fresh() {
  return { name: "message", lines: [], id: "" };
}

function read(line, event) {
  const colon = line.indexOf(":");
  if (colon === 0) return;
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (field === "event") event.name = value;
  else if (field === "data") event.lines.push(value);
  else if (field === "id") event.id = value;
}
