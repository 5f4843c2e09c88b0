// Looks at the page with a browser: look.mjs MODULES BROWSER AGENT SCREENSHOTS TOUR FAULTS CAUSING [SCENARIO...]. AGENT is
// where a running one listens, which also has the page for the nodes that are acted here. TOUR is where the pictures of
// docs/tour.md go, or empty; FAULTS says which are caused where, as JSON, while there is a file CAUSING. Prints a line
// of JSON for each scenario.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Node, ago, finding, host, hostile, overview, pod, troubled } from "./node.mjs";
import { small } from "./png.mjs";
import { pauseAfter } from "../../web/src/pause.js";

const [modules, browserPath, agent, screenshots, tour, injected, causing, ...wanted] = process.argv.slice(2);
const faults = JSON.parse(injected);
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
const axe = readFileSync(join(modules, "axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: browserPath, args: ["--disable-dev-shm-usage"] });
const patience = 20_000;

function check(what, found, expected = true) {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}

/** Waits until it holds. */
async function until(what, of, longest = patience) {
  const end = performance.now() + longest;
  let found;
  for (;;) {
    found = await of();
    if (found === true) return;
    if (performance.now() > end)
      throw new Error(`${what}: not within ${longest / 1000} s, but ${JSON.stringify(found)}`);
    await new Promise((done) => setTimeout(done, longest / 400));
  }
}

// What a browser says of a node that is not there.
const gone = [
  "ERR_CONNECTION_REFUSED",
  "ERR_INCOMPLETE_CHUNKED_ENCODING",
  "ERR_CONNECTION_RESET",
  "ERR_EMPTY_RESPONSE",
  "Failed to load resource",
];

/** A page that may ask nobody but its own server, and complain of nothing; `before` runs in it before its own script. */
async function open(url, { allow = [], before, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  if (before) await page.addInitScript(before);
  page.setDefaultTimeout(patience);
  page.faults = [];
  page.bytes = 0;
  page.on("pageerror", (e) => page.faults.push(e.stack));
  page.on("dialog", (d) => {
    page.faults.push(`dialog: ${d.message()}`);
    void d.dismiss();
  });
  page.on(
    "console",
    (m) => m.type() === "error" && !allow.some((a) => m.text().includes(a)) && page.faults.push(m.text()),
  );
  page.on("request", (r) => new URL(r.url()).origin === new URL(url).origin || page.faults.push(`asked ${r.url()}`));
  await page.goto(url);
  return page;
}

async function close(page) {
  check("faults of the page", page.faults, []);
  await page.context().close();
}

/** Violations of WCAG and of good practice; by the browser's own door, which the page's policy does not close. */
async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  check(
    `axe, ${where}`,
    found.violations.map(
      (v) =>
        `${v.id}: ${v.nodes
          .slice(0, 3)
          .map((n) => `${n.target} ${n.any[0]?.message ?? ""}`)
          .join("; ")}`,
    ),
    [],
  );
}

const shot = (page, name) => screenshots && page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });

/** A picture for docs/tour.md: what a screen shows, at most 80 KB of it. */
async function toured(page, name) {
  if (!tour) return;
  await page.evaluate(() => document.activeElement?.blur());
  await page.mouse.move(0, 0);
  const picture = small(await page.screenshot());
  check(`${name}.png: ${picture.length} bytes`, picture.length <= 80_000, true);
  mkdirSync(tour, { recursive: true });
  writeFileSync(join(tour, `${name}.png`), picture);
}

const run = (...command) => execFileSync(command[0], command.slice(1), { encoding: "utf8" });
const nstat = (counter) => (name) =>
  Number(
    run("ip", "netns", "exec", name, "nstat", "-asz", counter)
      .split("\n")
      .find((l) => l.startsWith(counter))
      .split(/\s+/)[1],
  );
const discs = (name) =>
  [...run("tc", "-n", name, "-s", "qdisc", "show", "dev", "veth0").matchAll(/dropped (\d+)/g)].reduce(
    (sum, m) => sum + Number(m[1]),
    0,
  );

// By which counter each fault is proved, where else in its pod's view it is seen, and which tool reads the counter.
const counters = {
  "accept-queue-overflow": {
    metric: "netlens.tcpext.listen_overflows",
    kernel: "ListenOverflows",
    where: { part: "#listeners tbody", has: /:8080[\s\S]*2 \/ 1\b/ },
    tool: nstat("TcpExtListenOverflows"),
  },
  "udp-receive-overflow": {
    metric: "netlens.udp.rcvbuf_errors",
    kernel: "RcvbufErrors",
    where: { part: "#findings .more", has: /RcvbufErrors/ },
    tool: nstat("UdpRcvbufErrors"),
  },
  "connect-refused": {
    metric: "netlens.connect.attempts",
    kernel: "",
    where: { part: "#peers tbody", has: /refused \d/ },
    tool: nstat("TcpAttemptFails"),
  },
  "no-route-in": {
    metric: "netlens.ipext.in_no_routes",
    kernel: "InNoRoutes",
    where: { part: "#findings .more", has: /InNoRoutes/ },
    tool: nstat("IpExtInNoRoutes"),
  },
  "app-closed-with-unread-data": {
    metric: "netlens.tcpext.abort_on_close",
    kernel: "TCPAbortOnClose",
    where: { part: "#listeners tbody", has: /:8080/ },
    tool: nstat("TcpExtTCPAbortOnClose"),
  },
  "qdisc-drop": {
    metric: "netlens.qdisc.packet.dropped",
    kernel: "drops",
    where: { part: "#findings .more", has: /dropped/ },
    tool: discs,
  },
};

/** From the overview to whom a fault's finding is about. */
async function follow(page, { kind, name, inode }) {
  await page.click("header h1 a");
  await page.waitForSelector("#pods");
  const its = page.locator("#findings .finding", { has: page.locator("code", { hasText: new RegExp(`^${kind}$`) }) });
  const recent = page.locator("details.recent:not([open]) summary");
  if (await recent.count()) await recent.click();
  await its.locator(`a[href="#/subject/n${inode}"]`).first().click();
  await page.waitForSelector("#listeners tbody");
  check("whose", await text(page, "#subject h2 .name"), name);
  await its.locator(".sentence[aria-expanded=false]").first().click();
}

const active = (page) =>
  page.evaluate(
    () => document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName,
  );
const text = (page, selector) => page.locator(selector).first().innerText();

async function withNode(scene, act, { prefix = "", ...rest } = {}) {
  const node = new Node(agent.replace(/\/$/, ""), prefix);
  Object.assign(node, rest);
  node.scene = scene;
  await node.start();
  try {
    return await act(node);
  } catch (e) {
    const pages = browser.contexts().flatMap((c) => c.pages().filter((p) => p.url().startsWith(node.url)));
    for (const page of pages) {
      const said = await page.evaluate(() => document.body.innerText.slice(0, 300)).catch((f) => f.message);
      e.stack += `\nthe page: ${JSON.stringify({ said, faults: page.faults, asked: node.asked.slice(-8) })}`;
      await page.context().close();
    }
    throw e;
  } finally {
    await node.stop();
  }
}

const scenarios = {
  async idle() {
    return withNode(overview(), async (node) => {
      const page = await open(node.url);
      await page.waitForSelector("#findings .empty");
      const said = await text(page, "#findings .empty");
      check("the empty state says what was checked", /77 kinds.*77 can be seen.*58 min/s.test(said), true);
      check(
        "the node",
        /node-1[\s\S]*6\.12\.117[\s\S]*10 d[\s\S]*0\.83 %[\s\S]*58\.2 MiB/.test(await text(page, "header")),
        true,
      );
      check("the title", await page.title(), "node-1 – Netlens");
      check("no list of links", await page.locator("#plain").count(), 0);
      const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
      const bytes = await page.evaluate(() =>
        performance
          .getEntriesByType("resource")
          .filter((r) => r.name.includes("/page/"))
          .reduce((sum, r) => sum + r.transferSize, 0),
      );
      check(`bytes of the page: ${bytes}`, bytes > 10_000 && bytes < 100_000, true);
      await shot(page, "idle");
      await toured(page, "idle");
      await accessible(page, "idle");
      await close(page);
      return { first_paint_ms: Math.round(paint), bytes };
    });
  },

  async findings_appear() {
    await withNode(overview(), async (node) => {
      const page = await open(node.url);
      await page.waitForSelector("#findings .empty");
      node.push(overview({ ...troubled(), time: ago(0) }));
      await page.waitForSelector(".finding.error");
      check("how many", await page.locator(".findings").first().locator(".finding").count(), 3);
      check("said aloud", await text(page, "#findings [role=status]"), "3 now, 2 of them errors");
      check("what is over is apart", /1 in the last hour/.test(await text(page, ".recent")), true);
      await page.click(".sentence >> nth=0");
      const more = await text(page, ".more");
      for (const part of [
        "ListenOverflows",
        "+31 in 15 s",
        "SYN cookies",
        "accept()",
        "listen() backlog",
        "try 1024",
        "ss -ltn",
        "netlens.tcpext.listen_overflows",
      ])
        check(part, more.includes(part), true);
      // It stays open when the next collection comes.
      const before = await page.evaluate(() => document.documentElement.dataset.updates);
      node.push({ ...node.scene, time: ago(0) });
      await until(
        "an update",
        async () => (await page.evaluate(() => document.documentElement.dataset.updates)) !== before,
      );
      check("it stays open", await page.locator(".more").count(), 1);
      check("the ledger tells where", await page.locator(".stage.losing .title").allInnerTexts(), [
        "NIC",
        "softnet",
        "IP",
        "netfilter",
        "socket",
        "netfilter, qdisc, NIC",
      ]);
      check("what cannot be seen", await page.locator("header .link-like").innerText(), "2 things, 1 switched off");
      await page.click("header .link-like");
      check("and why", /udpdrops[\s\S]*kprobes/.test(await text(page, "dialog[open]")), true);
      await page.keyboard.press("Escape");
      await shot(page, "findings");
      await accessible(page, "findings");
      await page.emulateMedia({ colorScheme: "dark" });
      await accessible(page, "findings, dark");
      await shot(page, "findings-dark");
      await close(page);
    });
  },

  async drill_down() {
    await withNode(troubled(), async (node) => {
      const page = await open(node.url);
      await page.click(".finding a >> nth=0");
      await page.waitForSelector("#listeners td");
      check("whose", (await text(page, "#subject h2")).startsWith("shop/web-7"), true);
      const listeners = await text(page, "#listeners");
      check(
        "the listener, and whose limit",
        /0\.0\.0\.0:8080[\s\S]*nginx[\s\S]*129 \/ 128[\s\S]*the program's own/.test(listeners),
        true,
      );
      check("a peer", /shop\/db-0:5432/.test(await text(page, "#peers")), true);
      check(
        "the kernel's counter",
        /TcpExt ListenOverflows[\s\S]*2\.07 connection\/s[\s\S]*new/.test(await text(page, "#changes")),
        true,
      );
      await page.waitForSelector("#chart canvas");
      check("the chart of what proves it", await text(page, "#chart figcaption code"), "netlens.tcpext.listen_overflows");
      check("and what the kernel has", await text(page, "#chart .total"), "1204331");
      await page.click("#changes .pick >> nth=1");
      await until("another", async () => (await text(page, "#chart figcaption code")) === "netlens.tcp.retrans_segs");
      check(
        "was asked",
        node.asked.some((a) => a.includes("metric=netlens.tcpext.listen_overflows&subject=n4026532007")),
        true,
      );
      await page.click("#listeners .num >> nth=0");
      const note = await text(page, ".popover");
      check(
        "what is behind a number",
        /sk_ack_backlog[\s\S]*sock_diag[\s\S]*\{connection\}[\s\S]*netlens_tcp_listen_queue_highest/.test(note),
        true,
      );
      await page.click(".popover .copy >> nth=0");
      await page.waitForFunction(() => document.querySelector(".popover .copy").textContent !== "Copy PromQL");
      await page.keyboard.press("Escape");
      await page.waitForSelector(".popover", { state: "detached" });
      await shot(page, "pod");
      await accessible(page, "pod");
      await page.emulateMedia({ colorScheme: "dark" });
      await accessible(page, "pod, dark");
      await page.goBack();
      await page.waitForSelector("#pods");
      await page.goto(`${node.url}#/subject/n1`);
      await page.waitForSelector("text=It is gone");
      page.faults = page.faults.filter((f) => !f.includes("404"));
      await close(page);
    });
  },

  async node_and_timeline() {
    await withNode(troubled(), async (node) => {
      const page = await open(`${node.url}#/node`);
      await page.waitForSelector(".heat li");
      check("processors", await page.locator(".heat li").count(), 8);
      check("time to full", /conntrack[\s\S]*250 k \/ 262 k[\s\S]*6 min 52 s/.test(await text(page, "#gauges")), true);
      check("a device's drops", /fq_codel/.test(await text(page, "#devices tbody tr")), true);
      check("a setting", /somaxconn/.test(await text(page, "#sysctls")), true);
      await shot(page, "node");
      await toured(page, "node");
      await accessible(page, "node");
      await page.click("nav >> text=Timeline");
      await page.waitForSelector("#timeline canvas");
      const box = await page.locator(".u-over").boundingBox();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.9, box.y + 60, { steps: 5 });
      await page.mouse.up();
      await page.waitForSelector("#timeline tbody tr");
      const asked = new URL(`http://x/${node.asked.findLast((a) => a.includes("/changes"))}`);
      const seconds = (Date.parse(asked.searchParams.get("to")) - Date.parse(asked.searchParams.get("from"))) / 1000;
      check(`the window, ${seconds} s of an hour`, seconds > 900 && seconds < 1300, true);
      check("whose", /shop\/web-7/.test(await text(page, "#timeline tbody")), true);
      await page.click("#timeline .choices button >> nth=0");
      await until("by a button, without the mouse", async () => {
        const last = new URL(`http://x/${node.asked.findLast((a) => a.includes("/changes"))}`).searchParams;
        return Math.round((Date.parse(last.get("to")) - Date.parse(last.get("from"))) / 1000) === 60;
      });
      await shot(page, "timeline");
      await toured(page, "timeline");
      await accessible(page, "timeline");
      await close(page);
    });
  },

  async five_hundred_pods() {
    const scene = () => overview({ time: ago(0), pods: [host, ...Array.from({ length: 500 }, (_, i) => pod(i + 2))] });
    return withNode(scene(), async (node) => {
      const page = await open(node.url);
      await page.waitForSelector("#pods tbody tr");
      await until("the number of pods", async () => (await text(page, "#pods .head")).includes("501"));
      const rows = () => page.locator("#pods tbody tr:not(.gap)").count();
      check("only what is seen is there", (await rows()) < 60, true);
      check("but told", await page.locator("#pods table").getAttribute("aria-rowcount"), "502");
      const took = await page.evaluate(async () => {
        const box = document.querySelector(".pods");
        const seen = new Set();
        const gaps = [];
        let last = performance.now();
        for (let top = 0; top <= box.scrollHeight; top += 300) {
          box.scrollTop = top;
          await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          for (const row of box.querySelectorAll("tbody tr:not(.gap)")) seen.add(row.getAttribute("aria-rowindex"));
          gaps.push(performance.now() - last);
          last = performance.now();
        }
        gaps.sort((a, b) => a - b);
        return { seen: seen.size, two_frames_ms: Math.round(gaps[gaps.length >> 1]) };
      });
      check("every row came by", took.seen, 501);
      for (let i = 0; i < 5; i++) {
        const before = await page.evaluate(() => document.documentElement.dataset.updates);
        node.push(scene());
        await until(
          "an update",
          async () => (await page.evaluate(() => document.documentElement.dataset.updates)) !== before,
        );
      }
      took.update_ms = Number(await page.evaluate(() => document.documentElement.dataset.updateMs));
      check("elements of the page", (await page.evaluate(() => document.querySelectorAll("*").length)) < 3000, true);
      await page.keyboard.press("/");
      await page.keyboard.type("web-41");
      await until("the filter", async () => (await rows()) === 11);
      await page.keyboard.press("Escape");
      await page.click("#pods thead button:has-text('Pod or')");
      await until("sorted by name", async () => (await text(page, "#pods tbody tr")).startsWith("host"));
      check("and said so", await page.locator("#pods th[aria-sort]").getAttribute("aria-sort"), "ascending");
      await accessible(page, "500 pods");
      await close(page);
      return took;
    });
  },

  async connection_lost_and_back() {
    await withNode(overview(), async (node) => {
      const page = await open(node.url, { allow: gone });
      await page.waitForSelector(".link.live");
      const { port } = node;
      await node.stop();
      await page.waitForSelector(".link.lost");
      check("what was seen stays", (await page.locator("#pods tbody tr").count()) > 5, true);
      check("with a word", /No answer since/.test(await text(page, ".banner")), true);
      await accessible(page, "lost");
      await shot(page, "lost");
      node.scene = overview({ findings: [finding(9)], version: "0.2.0" });
      await node.start(port);
      await page.waitForSelector(".link.live");
      await page.waitForSelector(".finding.error");
      check("an upgrade is told", /now version 0\.2\.0/.test(await text(page, ".banner")), true);
      await close(page);
    });
  },

  // The page waits for seconds between its tries; here for an hour, and the browser's word ends that.
  async back_online() {
    const pauses = [1, 2, 3, 4, 20, 2000].map((n) => [pauseAfter(n, 0), pauseAfter(n, 1)]);
    check("soon, and not in step", pauses.slice(0, 3).flat(), [500, 1250, 1000, 2500, 2000, 5000]);
    check("five seconds at most", pauses.slice(3), Array(3).fill([2000, 5000]));
    await withNode(overview(), async (node) => {
      const page = await open(node.url, {
        allow: gone,
        before: () => {
          const wait = setTimeout;
          window.kept = 0;
          window.setTimeout = (f, ms, ...rest) => {
            if (!window.still || !(ms >= 1000 && ms < 5000)) return wait(f, ms, ...rest);
            window.kept++;
            return wait(f, 3_600_000, ...rest);
          };
        },
      });
      await page.waitForSelector(".link.live");
      const { port } = node;
      await node.stop();
      await page.waitForSelector(".link.lost");
      await page.evaluate(() => (window.still = true));
      await until("the next one waits", async () => (await page.evaluate(() => window.kept)) === 1);
      await node.start(port);
      await page.evaluate(() => dispatchEvent(new Event("online")));
      await page.waitForSelector(".link.live");
      await close(page);
    });
  },

  // Its time is five times as fast.
  async never_answers() {
    await withNode(overview(), async (node) => {
      const page = await open(node.url, {
        allow: gone,
        before: () => {
          const wait = setTimeout;
          window.setTimeout = (f, ms, ...rest) => wait(f, ms / 5, ...rest);
        },
      });
      await page.waitForSelector(".link.live");
      const { port } = node;
      await node.stop();
      node.hangs = true;
      node.asked = [];
      await node.start(port);
      await page.waitForSelector(".link.lost");
      const asked = (what) => node.asked.filter((a) => a.startsWith(`/api/v1/${what}`)).length;
      await until("it gives up, and asks again", () => asked("stream") >= 3 && asked("overview") >= 2);
      node.hangs = false;
      await page.waitForSelector(".link.live");
      await close(page);
    });
  },

  // The agent answers before the browser has drawn anything, and says no more.
  async before_the_first_frame() {
    await withNode(overview(), async (node) => {
      const page = await open(node.url, {
        before: () => {
          const wait = setTimeout;
          window.requestAnimationFrame = (f) => wait(() => f(performance.now()), 3000);
          window.setTimeout = (f, ms, ...rest) => wait(f, ms > 0 && ms < 200 ? 3000 : ms, ...rest);
        },
      });
      await page.waitForSelector(".link.live");
      await close(page);
    });
  },

  async open_over_an_upgrade() {
    await withNode(troubled(), async (node) => {
      const page = await open(`${node.url}#/subject/n4026532007`, { allow: gone.slice(0, 4) });
      await page.waitForSelector("#listeners td");
      const { port } = node;
      await node.stop();
      await page.waitForSelector(".link.lost");
      // What a later version may say beside: fields, a severity and a kind that this page has never heard of.
      const later = (more) => {
        const scene = troubled();
        const unheard = finding(12, { kind: "of-later", severity: "FATAL", confidence: "guess", later: { a: [1] } });
        return { ...scene, version: "0.2.0", later: [{}], findings: [unheard, ...scene.findings], ...more };
      };
      node.scene = later({ window_seconds: 59 });
      await node.start(port);
      await page.waitForSelector(".link.live");
      check("it is told", /now version 0\.2\.0/.test(await text(page, ".banner")), true);
      check("where it was", (await text(page, "#subject h2")).startsWith("shop/web-7"), true);
      await page.click("header h1 a");
      await page.waitForSelector("text=of-later");
      node.push(later({ time: ago(0), findings: [finding(13, { sentence: "it goes on" })] }));
      await page.waitForSelector("text=it goes on");
      await accessible(page, "after an upgrade");
      await page.goto(`${node.url}#/node`);
      await page.waitForSelector(".heat li");
      await page.click(".banner button");
      await page.waitForSelector(".banner", { state: "detached" });
      await page.waitForSelector(".link.live");
      check("the new page, at the same view", await page.evaluate(() => location.hash), "#/node");
      await close(page);
    });
  },

  async crowded() {
    await withNode(
      overview(),
      async (node) => {
        const page = await open(node.url, { allow: ["503"] });
        await page.waitForSelector(".link.live");
        check(
          "it asked instead",
          node.asked.some((a) => a.startsWith("/api/v1/overview")),
          true,
        );
        await close(page);
      },
      { full: true },
    );
  },

  async hidden() {
    await withNode(overview(), async (node) => {
      const page = await open(node.url);
      await page.waitForSelector(".link.live");
      await until("a stream", () => node.streams.size === 1);
      const hide = (is) =>
        page.evaluate((hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }, is);
      await hide(true);
      await until("no stream", () => node.streams.size === 0);
      const asked = node.asked.length;
      await page.evaluate(() => new Promise((done) => setTimeout(done, 2500)));
      check("nothing was asked", node.asked.length, asked);
      await hide(false);
      await until("a stream again", () => node.streams.size === 1);
      await page.waitForSelector(".link.live");
      await close(page);
    });
  },

  async hostile_names() {
    const scene = hostile();
    await withNode(scene, async (node) => {
      const page = await open(node.url);
      await page.waitForSelector(".finding");
      for (const button of await page.locator(".sentence").all()) await button.click();
      await page.click("header .link-like");
      await page.keyboard.press("Escape");
      const body = await page.evaluate(() => document.body.innerText);
      check(
        "markup is text",
        body.includes("<img src=x onerror=alert(1)>") && body.includes('"><script>alert(1)</script>'),
        true,
      );
      check(
        "control characters are written out",
        body.includes("\\x1b[31mred") && !/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(body),
        true,
      );
      check(
        "nothing of it became an element",
        await page.evaluate(() => document.querySelectorAll("#app img, #app script, #app b, #app u, #app i").length),
        0,
      );
      check(
        "no text runs out of the page",
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        true,
      );
      const title = await page.title();
      check("nor of its title", /[\u202a-\u202e]/.test(title), false);
      await shot(page, "hostile");
      for (const p of scene.pods.slice(1)) {
        await page.goto(`${node.url}#/subject/${p.id}`);
        await page.waitForSelector("#listeners td");
        check(
          "no text runs out of a pod's view",
          await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
          true,
        );
      }
      await close(page);
    });
  },

  async keyboard() {
    await withNode(troubled(), async (node) => {
      const page = await open(node.url);
      await page.waitForSelector("#pods tbody tr");
      await page.keyboard.press("?");
      await page.waitForSelector("dialog[open]");
      check("the keys are told", /filter pods[\s\S]*sort/.test(await text(page, "dialog[open]")), true);
      await accessible(page, "help");
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog[open]", { state: "detached" });
      await page.keyboard.press("p");
      await until("p", async () => (await active(page)) === "pods-title" || active(page));
      await page.keyboard.press("f");
      await until("f", async () => (await active(page)) === "findings-title" || active(page));
      const sorted = () => page.locator("#pods th[aria-sort]").innerText();
      const before = await sorted();
      await page.keyboard.press("s");
      await until("s", async () => (await sorted()) !== before);
      await page.keyboard.press("/");
      await until("/", async () => (await active(page)) === "filter" || active(page));
      await page.keyboard.type("web-7?s");
      check("keys are text in a field", await page.inputValue(".filter"), "web-7?s");
      await page.keyboard.press("Escape");
      await page.keyboard.press("n");
      await page.waitForSelector("#cpus");
      await page.keyboard.press("t");
      await page.waitForSelector("#timeline");
      await page.keyboard.press("/");
      await until("/ from another view", async () => (await active(page)) === "filter" || active(page));
      await page.keyboard.press("Escape");
      await page.keyboard.press("i");
      await page.waitForSelector("dialog[open] .metric");
      await accessible(page, "numbers");
      await page.keyboard.press("Escape");
      // By the tabulator alone, from the top to a pod.
      await page.evaluate(() => document.querySelector("header a").focus());
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        if (
          await page.evaluate(
            () =>
              document.activeElement.getAttribute("href")?.startsWith("#/subject/") &&
              !!document.activeElement.closest("#pods"),
          )
        )
          break;
      }
      await page.keyboard.press("Enter");
      await page.waitForSelector("#listeners");
      await page.keyboard.press("Escape");
      await page.waitForSelector("#pods");
      await close(page);
    });
  },

  async phone() {
    await withNode(troubled(), async (node) => {
      const page = await open(node.url, {
        viewport: { width: 390, height: 844 },
        hasTouch: true,
        isMobile: true,
      });
      await page.waitForSelector("#pods tbody tr");
      const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
      check("as wide as the phone", await wide(), 390);
      await accessible(page, "phone");
      await shot(page, "phone");
      for (const view of ["#/subject/n4026532007", "#/node", "#/time"]) {
        await page.goto(node.url + view);
        await page.waitForSelector("main section table, main section canvas");
        check(view, await wide(), 390);
        await shot(page, `phone-${view.split("/")[1]}`);
      }
      await close(page);
    });
  },

  async token() {
    await withNode(
      overview(),
      async (node) => {
        const page = await open(node.url, { allow: ["401"] });
        await page.waitForSelector("input[type=password]");
        await accessible(page, "token");
        await page.keyboard.type("wrong");
        await page.keyboard.press("Enter");
        await page.waitForSelector("text=does not take this token");
        await page.fill("input[type=password]", "s3cret\u200b");
        await page.keyboard.press("Enter");
        await page.waitForSelector("form [role=alert]");
        await page.fill("input[type=password]", "s3cret");
        await page.keyboard.press("Enter");
        await page.waitForSelector(".link.live");
        await page.reload();
        await page.waitForSelector(".link.live");
        check(
          "kept nowhere but in the tab",
          await page.evaluate(() => [localStorage.length, document.cookie, location.href.includes("s3cret")]),
          [0, "", false],
        );
        await close(page);
      },
      { token: "s3cret" },
    );
  },

  async below_a_path() {
    await withNode(
      troubled(),
      async (node) => {
        const page = await open(node.url);
        await page.waitForSelector(".link.live");
        await page.click(".finding a >> nth=0");
        await page.waitForSelector("#listeners td");
        check(
          "links",
          await page.evaluate(() =>
            [...document.querySelectorAll("footer a")].every((a) =>
              new URL(a.href).pathname.startsWith("/some/node-1/"),
            ),
          ),
          true,
        );
        await close(page);
      },
      { prefix: "/some/node-1" },
    );
  },

  async without_script() {
    const page = await open(agent, { javaScriptEnabled: false });
    check("the list of links", (await page.locator("#plain li a").count()) > 6, true);
    check("is seen", await page.locator("#plain").isVisible(), true);
    await shot(page, "plain");
    await close(page);
  },

  async real_agent() {
    const page = await open(agent);
    await page.waitForSelector(".link.live");
    await page.waitForSelector("#pods tbody tr");
    check(
      "the kernel",
      (await text(page, "header .facts")).includes(readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()),
      true,
    );
    await page.click("#pods tbody a >> nth=0");
    await page.waitForSelector("#listeners");
    await page.waitForSelector("#chart canvas");
    await accessible(page, "pod of an agent");
    await shot(page, "agent-pod");
    await page.keyboard.press("n");
    await page.waitForSelector("#devices tbody tr");
    await accessible(page, "node of an agent");
    await shot(page, "agent-node");
    await page.keyboard.press("t");
    await page.waitForSelector("#timeline canvas");
    await page.click("#timeline .choices button >> nth=0");
    await page.waitForSelector("#timeline tbody tr");
    await page.goto(`${agent}#/`);
    await page.waitForSelector("#findings");
    await accessible(page, "an agent");
    await shot(page, "agent");
    await close(page);
  },

  // Each in a namespace of its own, all at once, while there is the file that says so.
  async real_faults() {
    const page = await open(agent);
    await page.waitForSelector(".link.live");
    await page.selectOption(".window select", "10");
    // By which collection the page first shows each.
    await page.evaluate(() => {
      const { dataset } = document.documentElement;
      window.shown = {};
      const look = () => {
        for (const line of document.querySelectorAll("#findings .finding:not(.over) .aside"))
          window.shown[`${line.querySelector("code").innerText} ${line.querySelector("a")?.hash}`] ??= dataset.collected;
      };
      new MutationObserver(look).observe(document.documentElement, { attributeFilter: ["data-updates"] });
      look();
    });
    writeFileSync(causing, "");
    const ask = async (path) => (await fetch(`${agent}api/v1/${path}`)).json();
    const told = {};
    const shown = {};
    await until(
      "all are found, and shown",
      async () => {
        const { findings, collection } = await ask("overview?window=10");
        for (const { kind, inode } of faults) {
          if (findings.some((f) => f.active && f.kind === kind && f.subject["netlens.netns"] === inode))
            told[kind] ??= collection.time;
        }
        const its = await page.evaluate(() => window.shown);
        for (const { kind, inode } of faults) shown[kind] ??= its[`${kind} #/subject/n${inode}`];
        return faults.every((f) => told[f.kind] && shown[f.kind]) || { told, shown };
      },
      6 * patience,
    );
    const { times } = await ask("series?metric=netlens.tcp.active_opens&subject=host&points=2000");
    const second = (time) => Math.floor(Date.parse(time) / 1000);
    const late = faults.map(
      ({ kind }) => times.filter((t) => t > second(told[kind]) && t <= second(shown[kind])).length,
    );
    check(`collections from the agent's to the page's: ${late}`, late.length === 6 && late.every((n) => n <= 2), true);
    await shot(page, "agent-faults");
    await toured(page, "findings");
    await accessible(page, "faults");
    for (const [i, fault] of faults.entries()) {
      await follow(page, fault);
      const { metric, kernel, where } = counters[fault.kind];
      await until(`${fault.kind}, at its ${where.part}`, async () => {
        const found = (await page.locator(where.part).allInnerTexts()).join("\n");
        return where.has.test(found) || found;
      });
      await page.selectOption("#chart select", metric);
      await until(`${metric} by the kernel's name`, async () => {
        const caption = await text(page, "#chart figcaption");
        return caption.includes(metric) && (caption.includes(kernel) || caption);
      });
      if (i > 0) continue;
      await page.waitForSelector("#chart .total");
      await accessible(page, "a fault's pod");
      await shot(page, "agent-fault-pod");
      await toured(page, "pod");
    }
    rmSync(causing);
    const counted = {};
    for (const fault of faults) {
      await follow(page, fault);
      const { metric, tool } = counters[fault.kind];
      check("what was looked at stays", await page.locator("#chart select").inputValue(), metric);
      // What waits for an answer sends again for a while: until both say the same, and the tool does so afterwards.
      await until(
        `${metric} as the kernel's own tool has it`,
        async () => {
          const kernels = tool(fault.name);
          const pages = (await page.locator("#chart .total").allInnerTexts()).reduce((sum, n) => sum + Number(n), 0);
          counted[fault.kind] = pages;
          return (kernels > 0 && kernels === pages && kernels === tool(fault.name)) || { kernels, pages };
        },
        3 * patience,
      );
    }
    await close(page);
    return { late, counted };
  },
};

// Two at a time: a processor each, where there are as many as that. What takes longest comes first.
const names = Object.keys(scenarios)
  .filter((n) => (wanted.length === 0 || wanted.includes(n)) && (n !== "real_faults" || faults.length > 0))
  .sort((a, b) => (b === "real_faults") - (a === "real_faults"));
async function work() {
  for (let name; (name = names.shift()) !== undefined;) {
    const begin = performance.now();
    let fault = null;
    let figures = {};
    try {
      figures = (await scenarios[name]()) ?? {};
    } catch (e) {
      fault = e.stack;
    }
    console.log(JSON.stringify({ name, fault, seconds: Math.round((performance.now() - begin) / 100) / 10, figures }));
  }
}
await Promise.all([work(), work()]);
await browser.close();
