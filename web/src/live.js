// What the page knows of the node: kept fresh by the stream while the page is seen, by polls where the stream is full.
import { Refused, follow, get, query } from "./api.js";

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
    state.link = "paused";
    changed();
    return;
  }
  run = new AbortController();
  void keep(run.signal);
}

export function start() {
  document.addEventListener("visibilitychange", restart);
  restart();
}

function took(overview) {
  state.overview = overview;
  state.received = Date.now();
  state.link = "live";
  state.firstVersion ??= overview.version;
  changed();
}

async function keep(signal) {
  for (let failures = 0; !signal.aborted;) {
    try {
      if (state.metrics === null)
        void get("metrics", signal).then(
          (m) => {
            state.metrics = new Map(m.map((x) => [x.name, x]));
            changed();
          },
          () => {},
        );
      await follow(state.window, signal, (o) => {
        failures = 0;
        if (!signal.aborted) took(o);
      });
      // It ended: the agent stops, or has been replaced.
      failures++;
    } catch (e) {
      if (signal.aborted) return;
      if (e instanceof Refused && (e.status === 503 || e.status === 429) && (await poll(signal))) continue;
      if (e instanceof Refused && e.status !== 503) {
        state.link = e.status === 401 ? "token" : e.status === 404 ? "nothing" : "lost";
        state.why = e.message;
        changed();
        if (state.link !== "lost") return;
      }
      state.why = e instanceof Refused ? e.message : "";
      failures++;
    }
    if (signal.aborted) return;
    if (state.link !== "lost") {
      state.link = "lost";
      state.lostSince = Date.now();
    }
    changed();
    await pause(Math.min(1000 * 2 ** Math.min(failures - 1, 4), 15_000), signal);
  }
}

/** As many as the agent lets follow do so: this page asks now and then. False when it cannot. */
async function poll(signal) {
  try {
    took(await get(query("overview", { window: state.window }), signal));
  } catch {
    return false;
  }
  await pause(Math.max(5, state.overview.collection.interval_seconds ?? 15) * 1000, signal);
  return true;
}

function pause(time, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, time);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        done();
      },
      { once: true },
    );
  });
}
