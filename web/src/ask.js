// What a view asks beside the stream, while it is seen: anew with each collection, or once where the answer stays.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.js";
import { state } from "./live.js";

export function useAsked(path, stays = false) {
  const [answer, setAnswer] = useState({ path, data: null, problem: null });
  const under = useRef(null);
  const time = stays ? null : state.overview?.time;
  const hidden = document.hidden && !stays;
  useEffect(
    () => () => {
      under.current?.cut.abort();
      under.current = null;
    },
    [path],
  );
  useEffect(() => {
    if (path === null || hidden) return;
    // An agent that answers slower than it collects is asked once more when it has answered, and is not cut off.
    if (under.current) {
      under.current.again = true;
      return;
    }
    const mine = { cut: new AbortController(), again: false };
    under.current = mine;
    const ask = async () => {
      let next;
      try {
        const data = await get(path, mine.cut.signal);
        next = () => ({ path, data, problem: null });
      } catch (e) {
        next = (old) => ({ path, data: old.path === path ? old.data : null, problem: e.message, status: e.status });
      }
      if (under.current !== mine) return;
      setAnswer(next);
      if (mine.again && !document.hidden) {
        mine.again = false;
        void ask();
      } else under.current = null;
    };
    void ask();
  }, [path, time, hidden]);
  return answer.path === path ? answer : { path, data: null, problem: null };
}
