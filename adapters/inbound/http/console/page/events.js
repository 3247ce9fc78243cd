// Server-sent events out of the body of a response that was fetched, for `EventSource` knows neither POST nor headers.

/** Yields `{name, data}`, the data as JSON. Ends with the body; leaving the loop closes the connection. */
export async function* serverSentEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { name: "", data: [] };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const raw of lines) {
        const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
        if (text) {
          read(event, text);
        } else {
          if (event.data.length) yield { name: event.name, data: JSON.parse(event.data.join("\n")) };
          event = { name: "", data: [] };
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // a connection that broke has nothing left to cancel
  }
}

/** One line of an event; a comment, which begins with a colon, has no field's name. */
function read(event, text) {
  const colon = text.indexOf(":");
  const field = colon < 0 ? text : text.slice(0, colon);
  const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
  if (field === "event") event.name = value;
  if (field === "data") event.data.push(value);
}
