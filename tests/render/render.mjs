// Draws posts as their readers see them: Slack's by slack-blocks-to-jsx, Teams' by Microsoft's adaptivecards, on a page that
// headless Chromium photographs. Development only; nothing of it is shipped.
//
//   npm ci && node render.mjs OUT.png [--phone] [--html OUT.html] FILE...
//
// FILE: a snapshot of a payload (`*_slack.snap`, `*_teams.snap`), lines of `rowbell preview --json`, or a page of
// `preview --html`, of which the posts are taken as it shows them: a row's message with its latest, then its replies.
// slack-blocks-to-jsx shows escaped mentions as if they were live: in mrkdwn it is no judge of escaping.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";

const require = createRequire(import.meta.url);
const { Message } = require("slack-blocks-to-jsx");
const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const read = (...path) => readFileSync(join(modules, ...path), "utf8");

const files = [];
let [out, html, phone] = [null, null, false];
for (let args = process.argv.slice(2); args.length > 0; ) {
  const arg = args.shift();
  if (arg === "--phone") phone = true;
  else if (arg === "--html") html = args.shift();
  else if (out === null) out = arg;
  else files.push(arg);
}
if (files.length === 0) {
  console.error("usage: node render.mjs OUT.png [--phone] [--html OUT.html] FILE...");
  process.exit(2);
}

const posts = files.flatMap((file) => {
  const name = basename(file).replace(/^rowbell__message__tests__/, "").replace(/\.[a-z]+$/, "");
  const text = readFileSync(file, "utf8");
  if (file.endsWith(".snap")) {
    const payload = JSON.parse(text.split(/^---$/m).slice(2).join("---"));
    return [{ name, type: Array.isArray(payload.attachments) && payload.type === "message" ? "teams" : "slack", payload }];
  }
  if (file.endsWith(".html")) {
    const [, data] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(text);
    const flat = JSON.parse(data).posts.flatMap(({ type, payload, latest, replies = [] }) => [{ type, payload: latest ?? payload }, ...replies]);
    return flat.map(({ type, payload }, index) => ({ name: `${name} ${index + 1}`, type, payload }));
  }
  return text.split("\n").filter(Boolean).map((line, index) => {
    const { type, payload } = JSON.parse(line);
    return { name: `${name} ${index + 1}`, type, payload };
  });
});

const escaped = (text) => text.replace(/[&<>]/g, (c) => `&#${c.codePointAt(0)};`);
// slack-blocks-to-jsx reads markup in plain text, where Slack has none: what could be some goes through it as private characters.
const HIDE = 0xe000;
const literal = (part) => {
  if (Array.isArray(part)) return part.map(literal);
  if (part === null || typeof part !== "object") return part;
  const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, literal(value)]));
  if (part.type === "plain_text") copy.text = part.text.replace(/[!-/:-@[-`{-~]/g, (c) => String.fromCharCode(HIDE + c.charCodeAt(0)));
  return copy;
};
const shown = (html) => html.replace(/[\ue000-\ue07f]/g, (c) => escaped(String.fromCharCode(c.charCodeAt(0) - HIDE)));
const message = (blocks, text) =>
  shown(renderToStaticMarkup(createElement(Message, { blocks: literal(blocks), name: "Rowbell", logo: "", time: new Date(0), withoutWrapper: true, fallbackText: text })));

function slack({ text, blocks, attachments = [] }) {
  const head = blocks ? message(blocks) : `<p>${escaped(unescape(text))}</p>`;
  const bars = attachments.map(({ color, blocks: inner }) => `<div class="bar" style="border-color:${color}">${message(inner)}</div>`);
  return `<div class="slack"><div class="logo">R</div><div class="said"><b>Rowbell</b> <i>APP</i> <small>20:00</small>${head}${bars.join("")}</div></div>
    <div class="phone"><b>Slack · Rowbell</b><br>${escaped(unescape(text))}</div>`;
}

// What a notification shows of the escaped text.
function unescape(text) {
  return text.replace(/<!(\w+)>/g, "@$1").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

const card = ({ attachments }) => `<div class="teams" data-card="${Buffer.from(JSON.stringify(attachments[0].content)).toString("base64")}"></div>`;

// Close to what Teams hands to the same renderer.
const host = {
  fontFamily: "'Segoe UI', Lato, 'DejaVu Sans', sans-serif",
  fontSizes: { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 },
  fontWeights: { lighter: 200, default: 400, bolder: 600 },
  spacing: { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 16 },
  separator: { lineThickness: 1, lineColor: "#E1DFDD" },
  supportsInteractivity: true,
  actions: { buttonSpacing: 8, actionsOrientation: "horizontal", actionAlignment: "left", spacing: "default" },
  containerStyles: Object.fromEntries(
    [["default", "#FFFFFF"], ["emphasis", "#F0F0F0"], ["accent", "#E8EBFA"], ["good", "#E7F2DA"], ["attention", "#FCF4F6"], ["warning", "#FBF6D9"]].map(
      ([style, backgroundColor]) => [
        style,
        {
          backgroundColor,
          foregroundColors: {
            default: { default: "#242424", subtle: "#616161" },
            accent: { default: "#5B5FC7", subtle: "#5B5FC7" },
            good: { default: "#237B4B", subtle: "#237B4B" },
            attention: { default: "#C4314B", subtle: "#C4314B" },
            warning: { default: "#835C00", subtle: "#835C00" },
          },
        },
      ],
    ),
  ),
};

const width = phone ? 390 : 760;
const page = `<!doctype html><meta charset="utf-8"><style>${read("slack-blocks-to-jsx", "dist", "style.css")}</style><style>
body { margin: 0; padding: 12px; width: ${width - 24}px; background: #fff; font: 15px/1.46 Lato, 'DejaVu Sans', sans-serif; color: #1d1c1d }
h2 { font: 12px monospace; color: #888; border-top: 1px dashed #ccc; margin: 16px 0 8px; padding-top: 4px }
.slack { display: flex; gap: 8px } .said { flex: 1; min-width: 0 } .said > i { font: 10px sans-serif; background: #ddd; padding: 1px 3px } .said > small { color: #616061 }
.logo { width: 36px; height: 36px; border-radius: 8px; background: #4a154b; color: #fff; display: grid; place-items: center; font-weight: 900 }
.bar { border-left: 4px solid; border-radius: 4px; padding: 2px 0 2px 12px; margin-top: 6px } .said p { margin: 4px 0; white-space: pre-wrap }
.phone { margin: 8px 0 0 44px; background: #eee; border-radius: 12px; padding: 8px 12px; font: 13px/1.35 'DejaVu Sans', sans-serif; max-width: 330px; max-height: 5.4em; overflow: hidden }
.teams { border: 1px solid #e1dfdd; border-radius: 6px; overflow: hidden; overflow-wrap: anywhere }
.ac-pushButton { border: 1px solid #c8c6c4; background: #fff; border-radius: 4px; padding: 6px 16px; font-weight: 600 }
</style>${posts.map((post) => `<h2>${escaped(post.name)}</h2>${post.type === "teams" ? card(post.payload) : slack(post.payload)}`).join("")}
<script>${read("markdown-it", "dist", "markdown-it.min.js")}</script><script>${read("adaptivecards", "dist", "adaptivecards.min.js")}</script><script>
AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => { result.outputHtml = window.markdownit().render(text); result.didProcess = true; };
for (const element of document.querySelectorAll(".teams")) {
  const bytes = Uint8Array.from(atob(element.dataset.card), (c) => c.charCodeAt(0));
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = new AdaptiveCards.HostConfig(${JSON.stringify(host)});
  const context = new AdaptiveCards.SerializationContext(AdaptiveCards.Versions.v1_4);
  card.parse(JSON.parse(new TextDecoder().decode(bytes)), context);
  element.appendChild(card.render());
  for (let index = 0; index < context.eventCount; index++) {
    const note = document.createElement("pre");
    note.textContent = "PROBLEM: " + context.getEventAt(index).message;
    element.appendChild(note);
  }
}
document.title = String(document.documentElement.scrollHeight);
</script>`;

const work = mkdtempSync(join(tmpdir(), "render-"));
const file = html ?? join(work, "page.html");
writeFileSync(file, page);
const chromium = (...args) =>
  execFileSync(process.env.CHROMIUM ?? "chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", `--user-data-dir=${work}`, ...args, String(pathToFileURL(file))], {
    encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 64 << 20,
  });
// The page's height is in its title, once it is drawn.
const height = /<title>(\d+)<\/title>/.exec(chromium("--dump-dom", `--window-size=${width},2000`))?.[1] ?? "4000";
chromium(`--screenshot=${out}`, `--window-size=${width},${height}`, "--force-device-scale-factor=1.25");
console.log(`${posts.length} posts, ${width} x ${height}: ${out}`);
