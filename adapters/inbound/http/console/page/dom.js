// Makes elements. Text goes in as text only: nothing here reads markup.

/** An element with its properties, such as `className`, and its children: nodes, strings, or null for nothing. */
export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A button that does not send the form that it stands in. */
export function button(text, onclick, className = "quiet") {
  return el("button", { type: "button", className, textContent: text, onclick });
}

/** A button that copies what `text` gives. */
export function copyButton(text) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text()).then(
      () => { copy.textContent = "Copied"; },
      () => { copy.textContent = "Can’t copy here"; });
  }, "quiet copy");
  return copy;
}

/** What stands on one line, between dots. */
export function line(parts) {
  return parts.filter(Boolean).join(" · ");
}
