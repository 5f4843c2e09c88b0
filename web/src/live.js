// What the page knows of the node: kept fresh by the stream while the page is seen, by polls where the stream is full.
import { Refused, follow, get, query } from "./api.js";
import { pauseAfter } from "./pause.js";

export const state = {
  overview: null,
  /** When it came, by this browser's clock. */
  received: 0,
  /** starting, live, lost, paused, token, nothing. */
  link: "starting",
  lostSince: 0,
  why: "",
  window: 60,
  metrics: null,
  firstVersion: null,
};

const listeners = new Set();
let run = null;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function changed() {
  for (const listener of listeners) listener();
}

export function setWindow(seconds) {
  state.window = seconds;
  restart();
}

/** Begins anew: another window, another token, the page is seen again. */
export function restart() {
  run?.abort();
  run = null;
  if (document.hidden) {
    // A form stays, with what is typed.
    if (state.link !== "token") state.link = "paused";
    changed();
    return;
  }
  run = new AbortController();
  void keep(run.signal);
}

export function start() {
  document.addEventListener("visibilitychange", restart);
  // What hangs on a way that is gone is no use, and what waits need not.
  addEventListener("online", restart);
  restart();
}

function took(overview) {
  // The same one again is as old as it was.
  const before = state.overview;
  if (overview.time !== before?.time || overview.collection.age_seconds !== before.collection.age_seconds)
    state.received = Date.now();
  state.overview = overview;
  state.link = "live";
  state.firstVersion ??= overview.version;
  changed();
}

const busy = (e) => !(e instanceof Refused) || e.status === 503 || e.status === 429;

async function keep(signal) {
  for (let failures = 0; !signal.aborted;) {
    let came = false;
    // An agent that comes back answers soon, if not to what was asked before; one that is slow is waited for as well.
    const limit = failures % 3 === 0 ? 15_000 : 5_000;
    try {
      if (state.metrics === null)
        void get("metrics", signal).then(
          (m) => {
            state.metrics = new Map(m.map((x) => [x.name, x]));
            changed();
          },
          () => {},
        );
      await follow(state.window, limit, signal, (o) => {
        failures = 0;
        came = true;
        if (!signal.aborted) took(o);
      });
      // It ended: the agent stops, or has been replaced, or a gateway lets none be long.
      failures++;
    } catch (e) {
      if (signal.aborted) return;
      // Also where something on the way holds the stream back.
      if (!came && busy(e) && (await poll(e instanceof Refused ? 30_000 : limit, signal))) {
        failures = 0;
        continue;
      }
      const link = e.status === 401 ? "token" : e.status === 404 && !state.overview ? "nothing" : null;
      if (link) {
        state.link = link;
        state.why = e.message;
        changed();
        return;
      }
      state.why = e instanceof Refused ? e.message : "";
      failures++;
    }
    if (signal.aborted) return;
    if (!came) {
      if (state.link !== "lost") {
        state.link = "lost";
        state.lostSince = Date.now();
      }
      changed();
    }
    await pause(pauseAfter(failures), signal);
  }
}

/** As many as the agent lets follow do so: this page asks now and then. False when it cannot. */
async function poll(limit, signal) {
  try {
    took(await get(query("overview", { window: state.window }), signal, limit));
  } catch {
    return false;
  }
  const interval = Math.max(5, state.overview.collection.interval_seconds ?? 15);
  await pause(interval * 1000 * (0.5 + Math.random()), signal);
  return true;
}

function pause(time, signal) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, time);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
