// Who asks the agent: with the token where one is asked for, below the path that the page came from, and never while
// the page is hidden.
// Behind a proxy one origin has many nodes.
const key = `netlens-token ${location.pathname}`;

/** Others cannot be sent, nor be one of an agent. */
export const isToken = (text) => /^[\x21-\x7e]+$/.test(text);

let token = read();

function read() {
  try {
    const kept = sessionStorage.getItem(key) ?? "";
    return isToken(kept) ? kept : "";
  } catch {
    return "";
  }
}

/** Kept as long as the tab is open, and nowhere else. */
export function setToken(text) {
  token = text;
  try {
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing: it is asked for again after a reload.
  }
}

export const hasToken = () => token !== "";

export class Refused extends Error {
  constructor(status, text) {
    super(text || `HTTP ${status}`);
    this.status = status;
  }
}

export async function ask(path, signal, accept) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { headers, signal, cache: "no-store", credentials: "same-origin" });
  if (!answer.ok) throw new Refused(answer.status, (await answer.text()).slice(0, 300).trim());
  return answer;
}

/** A download with the token, which a link does not send; a link where there is none. */
export async function save(e, path) {
  if (!token) return;
  e.preventDefault();
  const link = e.currentTarget;
  try {
    const answer = await ask(path, undefined, "*/*");
    const file = document.createElement("a");
    file.href = URL.createObjectURL(await answer.blob());
    file.download = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? path;
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 60_000);
  } catch (problem) {
    link.title = problem.message;
    link.textContent = "It could not be fetched; once more";
  }
}

export const query = (path, parameters) => {
  const given = Object.entries(parameters)
    .flatMap(([k, v]) => (Array.isArray(v) ? v : [v]).map((one) => [k, one]))
    .filter(([, v]) => v !== null && v !== undefined && v !== "");
  return given.length === 0
    ? path
    : `${path}?${given.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).join("&")}`;
};

/**
 * JSON, or a failure after so many milliseconds: who went away in the middle never answers, and each that waits for it
 * has one of the few connections that a browser makes to one host.
 */
export async function get(path, signal, limit = 30_000) {
  const cut = new AbortController();
  const stop = () => cut.abort();
  signal.addEventListener("abort", stop);
  const late = new Error(`no answer in ${limit / 1000} s`);
  const watch = setTimeout(() => cut.abort(late), limit);
  if (signal.aborted) stop();
  try {
    return await (await ask(`api/v1/${path}`, cut.signal, "application/json")).json();
  } finally {
    clearTimeout(watch);
    signal.removeEventListener("abort", stop);
  }
}

// A heartbeat comes more often than that.
const silence = 45_000;

/**
 * Overviews as they come, until it fails, ends or is cut. What there is comes at once, where nothing on the way holds it
 * back: so many milliseconds are given it.
 */
export async function follow(window, limit, signal, onOverview) {
  const cut = new AbortController();
  const stop = () => cut.abort();
  signal.addEventListener("abort", stop);
  let watch = setTimeout(stop, limit);
  try {
    const answer = await ask(query("api/v1/stream", { window }), cut.signal, "text/event-stream");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watch);
      watch = setTimeout(stop, silence);
      const events = (rest + value).split(/\r?\n\r?\n/);
      rest = events.pop();
      for (const event of events) {
        const lines = event.split(/\r?\n/);
        if (!lines.includes("event: overview")) continue;
        onOverview(
          JSON.parse(
            lines
              .filter((l) => l.startsWith("data:"))
              .map((l) => l.slice(5))
              .join("\n"),
          ),
        );
      }
    }
  } finally {
    clearTimeout(watch);
    signal.removeEventListener("abort", stop);
    stop();
  }
}
