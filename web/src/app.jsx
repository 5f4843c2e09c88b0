import { render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import "./app.css";
import { Behind, Dialog, Name, Popover } from "./parts.jsx";
import { Findings } from "./views/findings.jsx";
import { Ledger } from "./views/ledger.jsx";
import { Pods, podKeys } from "./views/pods.jsx";
import { Subject } from "./views/subject.jsx";
import { Node } from "./views/node.jsx";
import { Timeline } from "./views/timeline.jsx";
import { fields } from "./fields.js";
import { clean } from "./text.js";
import { bytes, clock, ms, percent, span } from "./format.js";
import { hasToken, isToken, save, setToken } from "./api.js";
import { restart, setWindow, start, state, subscribe } from "./live.js";

const route = () =>
  location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return "";
      }
    });

/** Goes to a view and does something there, at once where it is drawn already. */
function go(hash, then) {
  if (location.hash === hash || (hash === "#/" && location.hash === "")) {
    then();
    return;
  }
  addEventListener("hashchange", () => requestAnimationFrame(() => requestAnimationFrame(then)), { once: true });
  location.hash = hash;
}

const to = (id) => () => {
  const title = document.getElementById(`${id}-title`);
  title?.focus({ preventScroll: true });
  title?.scrollIntoView({ block: "start" });
};

/** What is as old as it looks, also when nothing comes any more. */
function Age() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const { collection } = state.overview;
  const age = collection.age_seconds + (Date.now() - state.received) / 1000;
  const old = age > 3 * (collection.interval_seconds ?? 15) + 10;
  return <span class={old ? "hot" : ""}>{span(age)} ago</span>;
}

// What the operator has switched off is no surprise.
const apart = (blind) => [
  blind.filter((b) => b.kind !== "configuration"),
  blind.filter((b) => b.kind === "configuration"),
];

const windows = [10, 60, 300, 900, 3600];

function Bar({ view, onBlind }) {
  const { overview, link } = state;
  const { node, agent, collection, blind, version } = overview;
  const [unseen, off] = apart(blind);
  const tabs = [
    ["#/", "Overview", ""],
    ["#/node", "Node", "node"],
    ["#/time", "Timeline", "time"],
  ];
  return (
    <header>
      <div class="top">
        <h1>
          <a href="#/">Netlens</a> <Name of={node.name} most={60} />
        </h1>
        <nav aria-label="views">
          {tabs.map(([href, text, name]) => (
            <a href={href} aria-current={view === name ? "page" : undefined}>
              {text}
            </a>
          ))}
        </nav>
        <label class="window">
          Rates over{" "}
          <select value={state.window} onChange={(e) => setWindow(Number(e.currentTarget.value))}>
            {windows.map((w) => (
              <option value={w}>{span(w)}</option>
            ))}
          </select>
        </label>
        <span class={`link ${link}`} role="status">
          {{ live: "live", starting: "connecting", paused: "paused", lost: "connection lost" }[link] ?? link}
        </span>
      </div>
      <dl class="facts">
        <div>
          <dt>kernel</dt>
          <dd>{clean(node.kernel ?? "unknown", 60)}</dd>
        </div>
        <div>
          <dt>up</dt>
          <dd>{span(node.uptime_seconds)}</dd>
        </div>
        <div>
          <dt>CPUs</dt>
          <dd>{node.cpus ?? "–"}</dd>
        </div>
        <div>
          <dt>collected</dt>
          <dd>
            <Age />
            {collection.duration_ms !== null && <span class="less">, in {ms(collection.duration_ms)}</span>}
          </dd>
        </div>
        <div>
          <dt>agent</dt>
          <dd>
            {clean(agent.version, 30)}: {percent(agent.cpu_percent)} of a CPU
            {agent.bpf_cpu_percent !== null && <>, eBPF {percent(agent.bpf_cpu_percent)}</>},{" "}
            {bytes(agent.memory_bytes)}
          </dd>
        </div>
        <div>
          <dt>cannot be seen</dt>
          <dd>
            {blind.length === 0 ? (
              "all can"
            ) : (
              <button type="button" class="link-like" onClick={onBlind}>
                {unseen.length === 0 ? "all can" : `${unseen.length} ${unseen.length === 1 ? "thing" : "things"}`}
                {off.length > 0 && `, ${off.length} switched off`}
              </button>
            )}
          </dd>
        </div>
      </dl>
      {link === "lost" && (
        <p class="banner" role="alert">
          No answer since {clock(state.lostSince)}
          {state.why && ` (${clean(state.why, 100)})`}; what stands here is of then. It is tried again.{" "}
          <button type="button" onClick={restart}>
            Try now
          </button>
        </p>
      )}
      {version !== state.firstVersion && (
        <p class="banner" role="alert">
          The agent is now version {clean(version, 30)}.{" "}
          <button type="button" onClick={() => location.reload()}>
            Load its page
          </button>
        </p>
      )}
    </header>
  );
}

function Token() {
  const input = useRef();
  const [foreign, setForeign] = useState(false);
  useEffect(() => input.current.focus(), []);
  const send = (e) => {
    e.preventDefault();
    const text = input.current.value.trim();
    setForeign(!isToken(text));
    if (!isToken(text)) return;
    setToken(text);
    state.link = "starting";
    restart();
  };
  return (
    <main class="alone">
      <form onSubmit={send}>
        <h1>Netlens</h1>
        <p>
          {hasToken()
            ? "The agent does not take this token."
            : "The agent asks for a token (http.token, http.tokenFile)."}
        </p>
        <label>
          Token <input ref={input} type="password" autocomplete="off" />
        </label>
        <button type="submit">Look</button>
        {foreign && (
          <p class="problem" role="alert">
            It must have letters of ASCII, and no blanks. Some that came along with it may be invisible.
          </p>
        )}
        <p class="note">It is kept in this tab until it is closed.</p>
      </form>
    </main>
  );
}

const keys = [
  ["/", "filter pods"],
  ["s", "sort by the next column"],
  ["p", "pods"],
  ["f", "findings"],
  ["n", "the node's parts"],
  ["t", "the last hour"],
  ["Esc", "leave the filter, or back to the overview"],
  ["i", "what the numbers are"],
  ["?", "this"],
];

function Help({ open, onClose }) {
  return (
    <Dialog open={open} onClose={onClose} title="Keys">
      <dl class="keys">
        {keys.map(([k, what]) => (
          <div>
            <dt>
              <kbd>{k}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>
        Point at a number, or touch it: its kernel name, source, unit and PromQL. Dashes stand for what is not known.
      </p>
      <p>
        <a
          href="page/licences.txt"
          ref={(a) => {
            const l = document.querySelector("link[rel=license]");
            if (a && l) a.href = l.getAttribute("href");
          }}
        >
          Licences of what is in this page
        </a>
      </p>
    </Dialog>
  );
}

function App() {
  const [, draw] = useState(0);
  const [at, setAt] = useState(route);
  const [dialog, setDialog] = useState(null);
  const began = useRef(0);
  began.current = performance.now();
  // Told to whoever measures: how many updates there were, and what the last one took.
  useLayoutEffect(() => {
    const { dataset } = document.documentElement;
    dataset.updates = Number(dataset.updates ?? 0) + 1;
    dataset.updateMs = (performance.now() - began.current).toFixed(1);
    dataset.collected = state.overview?.collection.time ?? "";
  });
  const title = state.overview ? `${clean(state.overview.node.name, 60)} – Netlens` : "Netlens";
  useEffect(() => {
    document.title = title;
  }, [title]);
  // Before the first frame: what the agent says may be here by then, and the next word is a collection away.
  useLayoutEffect(() => subscribe(() => draw((n) => n + 1)), []);
  useLayoutEffect(() => {
    const moved = () => {
      setAt(route());
      scrollTo(0, 0);
      // What was followed has gone; keys that go to a part of the view do so after this.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body)
          document.querySelector("main h2[tabindex]")?.focus({ preventScroll: true });
      });
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    const press = (e) => {
      if (e.ctrlKey || e.altKey || e.metaKey || document.querySelector("dialog[open]") || !state.overview) return;
      const typing = e.target.closest?.("input,select,textarea");
      if (typing) return;
      const act = {
        "/": () => go("#/", () => podKeys.filter()),
        s: () => podKeys.sort(),
        p: () => go("#/", to("pods")),
        f: () => go(location.hash.startsWith("#/subject/") ? location.hash : "#/", to("findings")),
        n: () => go("#/node", to("cpus")),
        t: () => go("#/time", to("timeline")),
        i: () => setDialog("numbers"),
        "?": () => setDialog("help"),
        Escape: () => document.querySelector(".popover") || go("#/", to("findings")),
      }[e.key];
      if (act) {
        e.preventDefault();
        act();
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  const close = () => setDialog(null);
  const { overview, link } = state;
  if (link === "token") return <Token />;
  if (link === "nothing")
    return (
      <main class="alone">
        <h1>Netlens</h1>
        <p>This agent does not answer /api/v1: {clean(state.why, 200)}</p>
        {!hasToken() && (
          <p>
            <a href="findings">Findings as JSON</a>, <a href="metrics">metrics</a>
          </p>
        )}
      </main>
    );
  if (!overview)
    return (
      <main class="alone">
        <h1>Netlens</h1>
        <p role="status">
          {link === "lost"
            ? `No answer yet${state.why ? `: ${clean(state.why, 200)}` : ""}. It is tried again.`
            : "Asking the agent…"}
        </p>
      </main>
    );
  const [view, id] = at;
  return (
    <div class={link === "lost" ? "stale" : ""}>
      <Bar view={view} onBlind={() => setDialog("blind")} />
      <main>
        {view === "subject" ? (
          <Subject key={id} id={id} />
        ) : view === "node" ? (
          <Node />
        ) : view === "time" ? (
          <Timeline />
        ) : (
          <>
            <Findings overview={overview} />
            <Ledger ledger={overview.ledger} />
            <Pods pods={overview.pods} leftOut={overview.pods_left_out} />
          </>
        )}
      </main>
      <footer>
        <button type="button" class="link-like" onClick={() => setDialog("help")}>
          Keys <kbd>?</kbd>
        </button>{" "}
        <button type="button" class="link-like" onClick={() => setDialog("numbers")}>
          What the numbers are <kbd>i</kbd>
        </button>{" "}
        {!hasToken() && (
          <>
            <a href="metrics">/metrics</a> <a href="findings">/findings</a> <a href="status">/status</a>{" "}
          </>
        )}
        <a href="record" download onClick={(e) => save(e, "record")}>
          /record
        </a>
      </footer>
      <Popover />
      <Help open={dialog === "help"} onClose={close} />
      <Dialog open={dialog === "blind"} onClose={close} title="What cannot be seen here">
        {apart(overview.blind)
          .filter((part) => part.length > 0)
          .map((part) => (
            <dl class="blind">
              {part.map((b) => (
                <div>
                  <dt>{clean(b.what, 80)}</dt>
                  <dd>{clean(b.why, 400)}</dd>
                </div>
              ))}
            </dl>
          ))}
      </Dialog>
      <Dialog open={dialog === "numbers"} onClose={close} title="What the numbers are">
        {Object.keys(fields).map((f) => (
          <Behind key={f} field={f} />
        ))}
      </Dialog>
    </div>
  );
}

document.getElementById("plain").remove();
render(<App />, document.getElementById("app"));
start();
