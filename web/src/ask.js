// What a view asks beside the stream, while it is seen: anew with each collection, or once where the answer stays.
import { useEffect, useState } from "preact/hooks";
import { get } from "./api.js";
import { state } from "./live.js";

export function useAsked(path, stays = false) {
  const [answer, setAnswer] = useState({ path, data: null, problem: null });
  const time = stays ? null : state.overview?.time;
  useEffect(() => {
    if (path === null || (document.hidden && !stays)) return;
    const cut = new AbortController();
    get(path, cut.signal).then(
      (data) => setAnswer({ path, data, problem: null }),
      (e) =>
        cut.signal.aborted ||
        setAnswer((old) => ({
          path,
          data: old.path === path ? old.data : null,
          problem: e.message,
          status: e.status,
        })),
    );
    return () => cut.abort();
  }, [path, time]);
  return answer.path === path ? answer : { path, data: null, problem: null };
}
