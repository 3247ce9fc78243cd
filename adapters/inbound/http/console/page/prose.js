// An answer as it grows: paragraphs, lists, headings and code, out of the few marks that models write. Never markup.

import { el } from "./dom.js";

const FENCE = /^\s*(```|~~~)\s*([\w+#.-]*)\s*$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const ITEM = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const MARKS = /`([^`]+)`|\*\*([^*]+)\*\*/g;

/** Text that is added to, shown in `node`. Only the blocks that changed are made again. */
export class Prose {
  #node;
  #shown = [];
  text = "";

  constructor(node) {
    this.#node = node;
  }

  show(text) {
    this.text = text;
    const blocks = blocksOf(text);
    const same = blocks.findIndex((block, at) => block.source !== this.#shown[at]?.source);
    const from = same < 0 ? blocks.length : same;
    for (const { node } of this.#shown.splice(from)) node.remove();
    for (const block of blocks.slice(from)) {
      const node = nodeOf(block);
      this.#shown.push({ source: block.source, node });
      this.#node.append(node);
    }
  }
}

/** Each block's kind and lines; `source` is what it is made of, so equal sources look equal. */
function blocksOf(text) {
  const blocks = [];
  let block = null;
  let fence = null;
  const begin = (kind, rest = {}) => {
    block = { kind, lines: [], ...rest };
    blocks.push(block);
  };
  for (const line of text.split("\n")) {
    const mark = FENCE.exec(line);
    const item = ITEM.exec(line);
    if (fence) {
      if (mark?.[1] === fence) fence = block = null;
      else block.lines.push(line);
    } else if (mark) {
      fence = mark[1];
      begin("code", { language: mark[2] });
    } else if (!line.trim()) {
      block = block?.kind === "list" ? block : null; // a list may have air in it
    } else if (HEADING.test(line)) {
      begin("heading", { lines: [HEADING.exec(line)[1]] });
      block = null;
    } else if (item) {
      if (block?.kind !== "list") begin("list", { start: item[1] ? Number(item[1]) : null });
      block.lines.push(item[2]);
    } else if (block?.kind === "list" && /^\s/.test(line)) {
      block.lines[block.lines.length - 1] += `\n${line.trim()}`;
    } else {
      if (block?.kind !== "paragraph") begin("paragraph");
      block.lines.push(line);
    }
  }
  for (const one of blocks) one.source = JSON.stringify(one);
  return blocks;
}

function nodeOf(block) {
  switch (block.kind) {
    case "code":
      return el("pre", { tabIndex: 0, ariaLabel: block.language ? `Code, ${block.language}` : "Code" },
        el("code", { textContent: block.lines.join("\n") }));
    case "heading":
      return el("h3", {}, ...inline(block.lines[0]));
    case "list":
      return el(block.start === null ? "ul" : "ol", block.start === null ? {} : { start: block.start },
        ...block.lines.map((line) => el("li", {}, ...inline(line))));
    default:
      return el("p", {}, ...inline(block.lines.join("\n")));
  }
}

/** Code and strong words; all else is text. */
function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(MARKS)) {
    nodes.push(text.slice(at, found.index));
    nodes.push(found[1] ? el("code", { textContent: found[1] }) : el("strong", { textContent: found[2] }));
    at = found.index + found[0].length;
  }
  return [...nodes, text.slice(at)];
}
