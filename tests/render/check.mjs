// Does `rowbell preview --html` show posts as the open renderers do? Their letters, which are bold and which struck through, are
// compared: Teams' cards with Microsoft's adaptivecards, Slack's blocks with slack-blocks-to-jsx.
//
//   node check.mjs PREVIEW.html RENDERED.html     RENDERED: what `render.mjs --html` wrote of the same posts

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// Runs in the page: each post as letters with b(old) and s(truck) behind them.
function read(selector) {
  const struck = (node, root) => node && node !== root && (getComputedStyle(node).textDecorationLine.includes("line-through") || struck(node.parentElement, root));
  const posts = [...document.querySelectorAll(selector)].map((root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const letters = [];
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (!parent.getClientRects().length || parent.closest(".raw, script, style")) continue;
      const look = (Number(getComputedStyle(parent).fontWeight) >= 600 ? "b" : "") + (struck(parent, root) ? "s" : "");
      for (const letter of walker.currentNode.data.replace(/\s|\u2022/gu, "")) letters.push([letter, look]);
    }
    return letters;
  });
  const out = document.createElement("pre");
  out.id = "read";
  out.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(posts))));
  document.body.append(out);
}

function letters(file, selector) {
  const work = mkdtempSync(join(tmpdir(), "render-"));
  // Our page runs no script but its own.
  const page = readFileSync(file, "utf8").replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "");
  const copy = join(work, "page.html");
  writeFileSync(copy, `${page}<script>(${read})(${JSON.stringify(selector)})</script>`);
  const dump = execFileSync(process.env.CHROMIUM ?? "chromium",
    ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${work}`, "--dump-dom", "--window-size=900,2000", String(pathToFileURL(copy))],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 256 << 20, env: { ...process.env, TZ: "UTC" } });
  return JSON.parse(Buffer.from(/<pre id="read">([^<]*)</.exec(dump)[1], "base64").toString("utf8"));
}

// A run of the same look as one string: bold as *text*, struck as ~text~.
const runs = (post) => {
  let text = "";
  let last = "";
  for (const [letter, look] of [...post, ["", ""]]) {
    if (look !== last) text += ({ b: "*", s: "~", bs: "*~" }[last] ?? "") + ({ b: "*", s: "~", bs: "~*" }[look] ?? "");
    text += letter;
    last = look;
  }
  return text;
};
// slack-blocks-to-jsx shows the mention as text.
const plain = (text) => text.replaceAll(/\*?(@|<!)here>?\*?/g, "@here");

const [preview, rendered] = process.argv.slice(2);
const ours = letters(preview, ".post .body").map(runs).map(plain);
const theirs = letters(rendered, ".said, .teams").map(runs).map(plain).map((text) => text.replace(/^\*Rowbell\*APP20:?00/, ""));
if (ours.length === 0 || ours.length !== theirs.length) throw new Error(`${ours.length} posts against ${theirs.length}`);
let wrong = 0;
for (const [index, text] of ours.entries()) {
  if (text === theirs[index]) continue;
  wrong += 1;
  console.log(`post ${index + 1}\n  preview:  ${text}\n  renderer: ${theirs[index]}`);
}
const problems = (readFileSync(rendered, "utf8").match(/<pre>PROBLEM/g) ?? []).length;
console.log(`${ours.length} posts, ${wrong} shown differently, ${problems} problems of the card's parser`);
process.exitCode = wrong || problems ? 1 : 0;
