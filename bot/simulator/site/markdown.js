// The part of Discord's markdown that telemetry uses, as DOM nodes: data never becomes HTML.

const RULES = [
  [/^```(?:[a-z0-9+-]*\n)?([^]+?)```/i, (found) => element("pre", [element("code", [found[1].replace(/\n$/, "")])])],
  [/^``([^]+?)``(?!`)/, (found) => element("code", [found[1]])],
  [/^`([^`]+)`/, (found) => element("code", [found[1]])],
  [/^\\([^A-Za-z0-9\s])/, (found) => found[1]],
  [/^\[((?:\\.|[^\]\\])+)\]\(<?(https?:\/\/[^\s)>]+)>?\)/, (found) => link(found[2], inline(found[1]))],
  [/^<(https?:\/\/[^\s>]+)>/, (found) => link(found[1], [found[1]])],
  [/^https?:\/\/[^\s<>]*[^\s<>.,:;"')\]]/, (found) => link(found[0], [found[0]])],
  [/^\*\*((?:\\[^]|[^\\])+?)\*\*(?!\*)/, (found) => element("strong", inline(found[1]))],
  [/^__((?:\\[^]|[^\\])+?)__(?!_)/, (found) => element("u", inline(found[1]))],
  [/^~~((?:\\[^]|[^\\])+?)~~/, (found) => element("s", inline(found[1]))],
  [/^\*(?=\S)((?:\*\*|\\[^]|[^\\*])+?)\*(?!\*)/, (found) => element("em", inline(found[1]))],
  [/^_((?:__|\\[^]|[^\\_])+?)_(?![A-Za-z0-9_])/, (found) => element("em", inline(found[1]))],
];
const PLAIN = /^(?:[A-Za-z0-9]+(?=_[A-Za-z0-9])_|[^\\`*_~[<h]+|[^])/;

export function element(name, children = [], attributes = {}) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function link(address, children) {
  if (!/^https?:\/\//.test(address)) return element("span", children);
  return element("a", children, { href: address, target: "_blank", rel: "noopener noreferrer" });
}

export function markdown(text) {
  const nodes = [];
  for (const [block] of text.matchAll(/(?:^> ?.*(?:\n|$))+|```[^]*?```|(?:(?!^> ?)(?!```)[^\n]*\n?)/gm)) {
    if (!block) continue;
    if (block.startsWith(">")) nodes.push(element("blockquote", inline(block.replace(/^> ?/gm, "").trimEnd())));
    else nodes.push(...inline(block));
  }
  return nodes;
}

function inline(text) {
  const nodes = [];
  for (let rest = text; rest; ) {
    let found, made;
    for (const [pattern, make] of RULES) if ((found = pattern.exec(rest))) { made = make(found); break; }
    if (!found) { found = PLAIN.exec(rest); made = found[0]; }
    nodes.push(made);
    rest = rest.slice(found[0].length);
  }
  return nodes;
}
