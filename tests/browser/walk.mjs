// SPDX-License-Identifier: MIT
//
// A customer in a browser: sends, follows, answers, contests and rates, at the size of a telephone and of a desk, with
// and without JavaScript, in both languages. Speaks TAP. Where JavaScript runs, axe-core looks at every page, and the page
// must show what an agent does without being asked.
//
//   node walk.mjs BASE      desk at BASE; agents act by $TURNO_CLI (TURNO_TOKEN is the agent's)
//
// With TURNO_SCREENS=DIR pictures of all pages are left there.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const at = createRequire(join(process.env.NODE_PATH ?? ".", "x.js"));
const puppeteer = at("puppeteer-core");
const axe = readFileSync(at.resolve("axe-core/axe.min.js"), "utf8");
const base = process.argv[2];
const screens = process.env.TURNO_SCREENS;
const sizes = { phone: { width: 390, height: 844, isMobile: true, hasTouch: true }, desk: { width: 1280, height: 800 } };
const words = {
  en: { line: "Your request is in line.", you: "Waiting on: you", done: "Your request is done.", back: "old place", notMe: "It is not me" },
  es: { line: "Su solicitud está en la cola.", you: "Se espera a: usted", done: "Su solicitud está resuelta.", back: "antiguo puesto", notMe: "No soy yo" },
};

let cases = 0;
let failed = 0;
function ok(sentence, holds, why) {
  cases++;
  failed += holds ? 0 : 1;
  console.log(`${holds ? "ok" : "not ok"} ${cases} - ${sentence}`);
  if (!holds && why) console.log(String(why).replace(/^/gm, "# "));
}

function turno(...args) {
  return execFileSync(process.env.TURNO_CLI, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

class Walk {
  constructor(page, name, lang, js) {
    Object.assign(this, { page, name, lang, js, w: words[lang] });
  }
  ok(sentence, holds, why) {
    ok(`${this.name}: ${sentence}`, holds, why);
  }
  text() {
    return this.page.evaluate(() => document.body.innerText.replace(/\s+/g, " "));
  }
  // The page as it is now: no wider than the screen, no violation, a picture.
  async look(what) {
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    this.ok(`${what} fits`, wide <= 0, `${wide} pixels too wide`);
    const lang = await this.page.evaluate(() => document.documentElement.lang);
    this.ok(`${what} is in ${this.lang}`, lang === this.lang, lang);
    if (this.js) {
      await this.page.evaluate(axe);
      const found = await this.page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
      this.ok(`${what}: axe finds nothing`, found.violations.length === 0,
        found.violations.map((v) => `${v.id}: ${v.help} ${v.nodes.map((n) => n.html).join(" | ")}`).join("\n"));
    }
    if (screens) await this.page.screenshot({ path: join(screens, `${this.name.replaceAll(" ", "-")}-${what}.png`), fullPage: true });
  }
  async send(selector) {
    await Promise.all([this.page.waitForNavigation({ waitUntil: "load" }), this.page.click(selector)]);
  }
  // What the page says in the end; with JavaScript by itself, without by loading it again.
  async says(sentence, text) {
    const end = Date.now() + 15000;
    if (!this.js) await this.page.goto(this.page.url().split("?")[0], { waitUntil: "load" });
    let said = await this.text();
    while (this.js && !said.includes(text) && Date.now() < end) {
      await new Promise((r) => setTimeout(r, 100));
      said = await this.text();
    }
    this.ok(sentence, said.includes(text), said);
  }

  async walk() {
    const { page, w } = this;
    const subject = `${this.name} <b>box</b> & more`;
    await page.goto(base + "/", { waitUntil: "load" });
    await this.look("form");
    await page.type("#name", "María Pérez");
    await page.type("#contact", "maria@example.org");
    await page.select("#to", "warehouse");
    await page.type("#subject", subject);
    await page.type("#body", "It came open.\nTwo are missing.");
    await this.send("main form button");
    let said = await this.text();
    this.ok("sends, and is in line", said.includes(w.line) && said.includes(subject), said);
    this.ok("the trap is out of sight", !(await page.$("#website")));
    await this.look("sent");
    const n = /\d+/.exec(await page.$eval("h1 + .hint", (e) => e.textContent))[0];

    turno("next");
    turno("reply", n, "Which ones are missing?");
    await this.says("the question is there, and it waits for you", w.you);
    await this.look("asked");
    await page.click("details summary");
    await this.send('form[action$="/contest"] button');
    said = await this.text();
    this.ok("contests: back in its old place", said.includes(w.back) && said.includes(w.line), said);
    await this.look("contested");

    turno("next");
    turno("reply", n, "The blue ones?");
    await this.says("asked again", "The blue ones?");
    await page.type("#message", "The red ones.");
    await this.send('form[action$="/message"] button');
    said = await this.text();
    this.ok("answers", said.includes("The red ones.") && said.includes(w.line), said);

    turno("next");
    turno("reply", n, "-r", "They are on their way.");
    await this.says("it is done", w.done);
    await this.look("done");
    await page.click('input[name="score"][value="5"]');
    await page.type("#rate", "quick");
    await this.send('form[action$="/rate"] button');
    this.ok("rates", await page.$eval('input[name="score"][value="5"]', (e) => e.checked));
    await this.look("rated");
    const shown = JSON.parse(turno("show", n, "--json"));
    this.ok("the desk has all of it", shown.rating?.score === 5 && shown.messages.length === 4, JSON.stringify(shown));
    await page.goto(base + "/t/turno_" + "A".repeat(43), { waitUntil: "load" });
    await this.look("nothing");
    if (this.js) { // it would find what is there to be found
      await page.evaluate(() => document.querySelector("main").append(document.createElement("img")));
      const found = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
      this.ok("axe finds an image without words", found.violations.some((v) => v.id === "image-alt"));
    }
  }
}

if (screens) mkdirSync(screens, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "chromium-"));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  userDataDir: profile,
  // (no sandbox of its own: in containers it may not make one, and it sees our own pages only)
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
try {
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const lang of Object.keys(words)) {
      for (const js of [true, false]) {
        const page = await browser.newPage();
        const walk = new Walk(page, `${size} ${lang} ${js ? "js" : "plain"}`, lang, js);
        await page.setViewport(viewport);
        await page.setJavaScriptEnabled(js);
        await page.setExtraHTTPHeaders({ "Accept-Language": lang === "es" ? "es-ES,es;q=0.9,en;q=0.8" : "en-GB,en;q=0.9" });
        const elsewhere = [];
        page.on("request", (r) => r.url().startsWith(base) || r.url().startsWith("data:") || elsewhere.push(r.url()));
        page.on("pageerror", (e) => walk.ok("no script fails", false, e));
        page.on("console", (m) => m.type() === "error" && !m.text().includes("404") && walk.ok("nothing is complained of", false, m.text()));
        try {
          await walk.walk();
        } catch (e) {
          walk.ok("is walked to the end", false, e.stack);
        }
        walk.ok("nothing is loaded from elsewhere", elsewhere.length === 0, elsewhere.join("\n"));
        await page.close();
      }
    }
  }
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
console.log(`1..${cases}`);
process.exit(failed ? 1 : 0);
