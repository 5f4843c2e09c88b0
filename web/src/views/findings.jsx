import { useState } from "preact/hooks";
import { Copy, Name, Num, Section, Severity, level } from "../parts.jsx";
import { clean } from "../text.js";
import { clock, span } from "../format.js";
import { save } from "../api.js";
import { state } from "../live.js";

/** Whose a finding is, among the subjects of the overview. */
export function subjectOf(finding, pods) {
  const tags = finding.subject ?? {};
  const inode = Number(tags["netlens.netns"]);
  return (
    pods.find((p) => p.pod && p.pod.name === tags["k8s.pod.name"] && p.pod.namespace === tags["k8s.namespace.name"]) ??
    (inode > 0 ? pods.find((p) => p.netns_inode === inode) : undefined) ??
    (tags["netlens.scope"] === "node" ? pods.find((p) => p.kind === "host") : undefined)
  );
}

export function findingsOf(subject, overview) {
  return overview.findings.filter((f) => subjectOf(f, overview.pods)?.id === subject);
}

const confidences = {
  event: "seen as it happened",
  own_counter: "a counter that counts nothing else",
  shared_counter: "a counter that counts other things, too",
  setting: "read from a setting",
};

function Finding({ of, now, pods, named }) {
  const [open, setOpen] = useState(false);
  const subject = named ? subjectOf(of, pods) : null;
  const age = (now - Date.parse(of.first)) / 1000;
  const lasted = (Date.parse(of.last) - Date.parse(of.first)) / 1000;
  return (
    <li class={`finding ${level(of.severity)} ${of.active ? "" : "over"}`}>
      <div class="line">
        <Severity of={of.severity} />
        <div class="what">
          <button type="button" class="sentence" aria-expanded={open} onClick={() => setOpen(!open)}>
            {clean(of.sentence, 600)}
          </button>
          <div class="aside">
            {of.active ? `for ${span(age)}` : `ended ${clock(of.last)}, lasted ${span(lasted)}`}
            {" · "}
            <code>{clean(of.kind)}</code>
            {subject && (
              <>
                {" "}
                ·{" "}
                <a href={`#/subject/${encodeURIComponent(subject.id)}`}>
                  <Name of={subject.name} />
                </a>
              </>
            )}
            {of.consequence_of !== undefined && <> · follows from number {of.consequence_of}</>}
          </div>
        </div>
      </div>
      {open && (
        <div class="more">
          {of.detail && <p>{clean(of.detail, 2000)}</p>}
          {of.process && (
            <p>
              Process <Name of={of.process.command} /> ({of.process.pid})
              {of.tuple && (
                <>
                  , <code>{clean(of.tuple)}</code>
                </>
              )}
            </p>
          )}
          {!of.process && of.tuple && (
            <p>
              <code>{clean(of.tuple)}</code>
            </p>
          )}
          <h3>
            Evidence <span class="note">{confidences[of.confidence] ?? ""}</span>
          </h3>
          <table>
            <tbody>
              {(of.evidence ?? []).map((e) => (
                <tr>
                  <th scope="row">
                    <code>{clean(e.source)}</code>
                  </th>
                  <td>{clean(e.value, 500)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {of.metrics?.length > 0 && (
            <p class="note">
              Counted by{" "}
              {of.metrics.map((m, i) => (
                <>
                  {i > 0 && ", "}
                  <Num metric={m}>
                    <code>{clean(m, 100)}</code>
                  </Num>
                </>
              ))}
            </p>
          )}
          {of.ruled_out?.length > 0 && (
            <>
              <h3>Ruled out</h3>
              <ul>
                {of.ruled_out.map((t) => (
                  <li>{clean(t, 500)}</li>
                ))}
              </ul>
            </>
          )}
          {of.not_seen?.length > 0 && (
            <>
              <h3>Could not be seen</h3>
              <ul>
                {of.not_seen.map((t) => (
                  <li>{clean(t, 500)}</li>
                ))}
              </ul>
            </>
          )}
          <h3>What to do</h3>
          <p>{clean(of.advice, 2000)}</p>
          {of.knob && (
            <p>
              {clean(of.knob.whose)}: <code>{clean(of.knob.name)}</code> is {clean(of.knob.now)}
              {of.knob.suggested && <>; try {clean(of.knob.suggested)}</>}
            </p>
          )}
          {of.confirm && (
            <div class="promql">
              <code>{clean(of.confirm, 1000)}</code>
              <Copy text={of.confirm} label="Copy command" />
            </div>
          )}
          <p class="note">
            More in {clean(of.docs)} of the sources.{" "}
            <a href="record" download onClick={(e) => save(e, "record")}>
              Take the last hour along as a file
            </a>
            .
          </p>
        </div>
      )}
    </li>
  );
}

export function FindingList({ findings, pods, named = true }) {
  const now = Date.parse(state.overview.time);
  return (
    <ul class="findings">
      {findings.map((f) => (
        <Finding key={f.number} of={f} now={now} pods={pods} named={named} />
      ))}
    </ul>
  );
}

export function Findings({ overview }) {
  const { findings, pods, checked, collection } = overview;
  const active = findings.filter((f) => f.active);
  const recent = findings.filter((f) => !f.active);
  const errors = active.filter((f) => level(f.severity) === "error").length;
  const observable = checked.observable ?? checked.kinds;
  return (
    <Section
      id="findings"
      title="What is wrong"
      note={
        <span role="status">
          {active.length === 0
            ? ""
            : `${active.length} now${errors ? `, ${errors} of them ${errors === 1 ? "an error" : "errors"}` : ""}`}
        </span>
      }
    >
      {active.length === 0 ? (
        <p class="empty">
          <span class="tick" aria-hidden="true">
            ✓
          </span>{" "}
          Nothing that Netlens can see. It looks for {checked.kinds} kinds of trouble, of which {observable} can be seen
          here; what it collected in the last {span(collection.recorded_seconds)} is kept.
        </p>
      ) : (
        <FindingList findings={active} pods={pods} />
      )}
      {recent.length > 0 && (
        <details class="recent" open={active.length === 0}>
          <summary>
            {recent.length} in the last hour that {recent.length === 1 ? "is" : "are"} over
          </summary>
          <FindingList findings={recent} pods={pods} />
        </details>
      )}
    </Section>
  );
}
