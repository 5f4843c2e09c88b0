// Names come from pods, and whoever makes one chooses it: nothing of it is markup here, and what would not be seen, or
// would turn the text around it, is written out.
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0]/g;

export function clean(text, most = 300) {
  let clear = String(text ?? "").slice(0, most + 1);
  if (clear.length > most) clear = clear.slice(0, most) + "…";
  return clear.replace(unseen, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
