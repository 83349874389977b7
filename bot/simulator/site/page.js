// Shows what was posted, as it happens. All data reaches the page as text, never as HTML.

import { element, link, markdown } from "./markdown.js";

const FIRST_LOAD = 50, MOST_SHOWN = 300, SAME_BREATH_MS = 7 * 60 * 1000;
const byId = (id) => document.getElementById(id);
const list = byId("messages");
let channels = [], direct = 0, current = null, last = null, loading = null, early = [], recounting = null;

const clock = (iso) => new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function moment(iso) {
  const then = new Date(iso), midnight = new Date().setHours(0, 0, 0, 0);
  if (then >= midnight) return `Today at ${clock(iso)}`;
  if (then >= midnight - 86_400_000) return `Yesterday at ${clock(iso)}`;
  return `${then.toLocaleDateString()} ${clock(iso)}`;
}

function field({ name, value, inline }) {
  const parts = [element("dt", markdown(name)), element("dd", markdown(value), { class: "value" })];
  return element("div", parts, { class: inline ? "inline" : "" });
}

function footer(embed) {
  const parts = [embed.footer?.text, embed.timestamp && moment(embed.timestamp)].filter(Boolean);
  return parts.length ? element("footer", [parts.join("  •  ")]) : "";
}

function card(embed) {
  const linked = (text, address) => (address ? [link(address, markdown(text))] : markdown(text));
  const box = element("article", [], { class: "embed" });
  if (embed.color) box.style.borderLeftColor = `#${embed.color.toString(16).padStart(6, "0")}`;
  if (embed.author?.name) box.append(element("div", linked(embed.author.name, embed.author.url), { class: "author" }));
  if (embed.title) box.append(element("div", linked(embed.title, embed.url), { class: "title" }));
  if (embed.description) box.append(element("div", markdown(embed.description), { class: "description" }));
  if (embed.fields?.length) box.append(element("dl", embed.fields.map(field), { class: "fields" }));
  const foot = footer(embed);
  if (foot) box.append(foot);
  return box;
}

function avatar(author) {
  if (author.bot) return element("img", [], { class: "avatar", src: "/site/icon.svg", alt: "" });
  return element("div", [author.username[0].toUpperCase()], { class: "avatar" });
}

function byline(message) {
  const parts = [element("b", [message.author.username])];
  if (message.author.bot) parts.push(element("span", ["BOT"], { class: "tag" }));
  return element("div", [...parts, element("time", [moment(message.timestamp)], { class: "at" })], { class: "by" });
}

function opens(message) {
  if (!last || last.author.id !== message.author.id) return true;
  return new Date(message.timestamp) - new Date(last.timestamp) > SAME_BREATH_MS;
}

function row(message, first) {
  const item = element("li", [], { id: `m${message.id}`, class: first ? "first" : "" });
  if (first) item.append(avatar(message.author), byline(message));
  else item.append(element("time", [clock(message.timestamp)], { class: "at" }));
  if (message.content) item.append(element("div", markdown(message.content), { class: "text" }));
  if (message.edited_timestamp) item.append(element("span", ["(edited)"], { class: "edited" }));
  item.append(...message.embeds.map(card));
  item.append(...message.attachments.map((file) => element("code", [`${file.filename}, ${file.size} bytes`])));
  return item;
}

function show(message, fresh = false) {
  if (byId(`m${message.id}`)) return;
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const item = row(message, opens(message));
  if (fresh) item.classList.add("fresh");
  list.append(item);
  last = message;
  if (list.children.length > MOST_SHOWN) list.firstChild.remove();
  byId("empty").hidden = true;
  list.hidden = false;
  if (atEnd || !fresh) list.scrollTop = list.scrollHeight;
  else byId("newer").hidden = false;
}

function listed(channel) {
  const parts = [["hash", channel.sign], ["label", channel.name], ["posts", channel.posted]];
  const entry = element("a", parts.map(([kind, text]) => element("span", [String(text)], { class: kind })), { href: `#${channel.id}` });
  if (channel === current) entry.setAttribute("aria-current", "page");
  if (channel.unread) entry.classList.add("unread");
  return element("li", [entry]);
}

function showChannels() {
  const [rooms, users] = ["#", "@"].map((sign) => channels.filter((channel) => channel.sign === sign));
  byId("channels").replaceChildren(...rooms.map(listed));
  byId("directs").replaceChildren(...users.map(listed));
  byId("directs-title").hidden = !users.length;
  byId("total").textContent = rooms.reduce((sum, channel) => sum + channel.posted, direct).toLocaleString("en");
}

// Of direct messages only those that were written in last are shown: there may be many.
async function fetchChannels() {
  const [rooms, { posted, directs }] = await Promise.all(
    ["/_sim/channels", "/_sim/directs"].map(async (path) => (await fetch(path)).json()));
  direct = posted;
  return [...rooms.map((room) => ({ ...room, sign: "#" })), ...directs.map((user) => ({ ...user, sign: "@" }))];
}

async function enter() {
  current = channels.find((channel) => `#${channel.id}` === location.hash) ?? channels[0] ?? null;
  last = null;
  list.replaceChildren();
  byId("newer").hidden = true;
  if (current) current.unread = false;
  for (const place of document.querySelectorAll(".sign")) place.textContent = current?.sign ?? "#";
  byId("title").textContent = `${current?.name ?? ""}${current?.sign === "@" ? " (direct message)" : ""}`;
  byId("empty-title").textContent = current?.name ?? "";
  showChannels();
  const mine = (loading = current && fetch(`/_sim/messages?channel=${current.id}&limit=${FIRST_LOAD}`));
  // What is posted meanwhile waits, so that the order stays right.
  early = [];
  const found = mine ? await (await mine).json() : [];
  if (mine !== loading) return;
  loading = null;
  [...found, ...early].forEach((message) => show(message));
  list.hidden = !list.children.length;
  byId("empty").hidden = !!list.children.length;
}

async function load() {
  channels = await fetchChannels();
  await enter();
}

// A post may be both in what was loaded and in the news; after a burst the true numbers are asked for.
async function recount() {
  const fresh = await fetchChannels();
  const known = new Map(channels.map((channel) => [channel.id, channel]));
  channels = fresh.map((channel) => Object.assign(known.get(channel.id) ?? { unread: true }, channel));
  // What is being read stays, whoever was written to since.
  if (current && !channels.includes(current)) channels.push(current);
  showChannels();
}

function created(message) {
  const channel = channels.find(({ id }) => id === message.channel_id);
  if (channel) {
    channel.posted += 1;
    channel.unread = channel !== current;
    if (channel === current) loading ? early.push(message) : show(message, true);
  }
  if (!message.guild_id) direct += 1;
  showChannels();
  clearTimeout(recounting);
  recounting = setTimeout(recount, 300);
  const counter = document.querySelector(".count");
  counter.classList.remove("beat");
  requestAnimationFrame(() => counter.classList.add("beat"));
}

const NEWS = {
  MESSAGE_CREATE: created,
  MESSAGE_UPDATE: (message) => byId(`m${message.id}`)?.replaceWith(row(message, true)),
  MESSAGE_DELETE: ({ id }) => byId(`m${id}`)?.remove(),
  CHANNEL_CREATE: load,
  CHANNEL_DELETE: load,
};

function state(live, text) {
  byId("live").className = live ? "live on" : "live";
  byId("live").lastElementChild.textContent = text;
}

function listen() {
  const stream = new WebSocket(`ws://${location.host}/_sim/stream`);
  // What happened before the stream was open, or while it was cut, is read anew.
  stream.onopen = () => { state(true, "live"); load(); };
  stream.onclose = () => { state(false, "reconnecting"); setTimeout(listen, 1000); };
  stream.onmessage = (frame) => {
    const { event, data } = JSON.parse(frame.data);
    NEWS[event]?.(data);
  };
}

byId("newer").addEventListener("click", () => { list.scrollTop = list.scrollHeight; });
list.addEventListener("scroll", () => {
  if (list.scrollHeight - list.scrollTop - list.clientHeight < 80) byId("newer").hidden = true;
});
addEventListener("hashchange", enter);
load();
listen();
